"""How the C library takes memory. It reads this once, when a process starts, so whoever starts one has to say it."""

HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
"""The environment of a process whose large blocks come in pages of 2 MiB where the kernel has them (Linux, glibc 2.35).

A progressive JPEG of 24 MP took 11,700 pages of 4 KiB and 20 to 28 of its 95 ms for them. The photos of `bench.limit`
are decoded in 40.7 ms instead of 44.4 (camera), 5.3 instead of 5.2 (1 MP) and 1.63 instead of 1.81 (150 px), OpenVINO
runs 3 % faster, and each process holds 1 to 2 MB more. Dearer are single giants on a virtual machine that gives memory
back to its host: after a pause a JPEG of 100 MP takes 1.1 s instead of 0.6, for such pages always come from the host.
"""
