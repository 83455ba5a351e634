"""The system calls that a decoder is left with: an allowlist, enforced by the kernel (seccomp). Linux only."""

import errno
import os
import signal
import sys
from contextlib import suppress

# Read and write the pipes that are open, take and give back memory, tell the time, end.
_ALLOWED = (
    *("read", "readv", "write", "writev", "close", "lseek", "fstat"),
    *("brk", "mmap", "munmap", "mremap", "mprotect", "madvise"),
    *("clock_gettime", "clock_nanosleep", "nanosleep", "gettimeofday", "getrusage", "times", "sched_yield", "futex"),
    *("rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall"),
    *("set_robust_list", "rseq"),
    *("getpid", "gettid", "getrandom", "sched_getaffinity", "exit", "exit_group"),
)

_CLONE_THREAD = 0x10000


def refuse() -> bool:
    """Have every other call of this process fail with ``EPERM`` from now on; False where the system cannot.

    A call of a foreign architecture's ends the process. Signals and limits are left for the process itself alone.
    """
    if sys.platform != "linux":
        return False
    try:
        from seccompy import Action, ArgCmp, CmpOp, Filter
    except ImportError:
        return False

    kept = Filter(default=Action.ERRNO | errno.EPERM)
    try:
        for name in _ALLOWED:
            with suppress(ValueError):  # not every architecture has every call
                kept.allow(name)
        # Decoders of HEIC work in threads. clone3 keeps its flags where a filter cannot look: without it clone is used.
        kept.allow("clone", args=[ArgCmp(0, CmpOp.MASKED_EQ, _CLONE_THREAD, mask=_CLONE_THREAD)])
        kept.errno("clone3", errno.ENOSYS)
        # Processor time is counted anew for each picture. Root might raise the other limits again.
        kept.allow("setitimer", args={0: signal.ITIMER_PROF})
        kept.allow("tgkill", args={0: os.getpid()})
        kept.load()
    except OSError:  # an architecture that seccompy does not know, a kernel without seccomp
        return False
    return True
