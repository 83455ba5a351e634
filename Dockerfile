# syntax=docker/dockerfile:1.7
# Images of the services: docker build --target api|worker-cpu|worker-gpu|dashboard .
# worker-control runs from the image api: it opens archives, sends messages and deletes, and needs no network for pictures.
ARG PYTHON=3.13.11-slim-trixie

# What all of them install, at the versions of constraints.txt, and as wheels: nothing is compiled, no compiler is needed.
FROM python:${PYTHON} AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ONLY_BINARY=:all: PIP_ROOT_USER_ACTION=ignore \
    PIP_CONSTRAINT=/build/constraints.txt PIP_BUILD_CONSTRAINT=/build/constraints.txt
WORKDIR /build
COPY pyproject.toml constraints.txt deploy/images/requirements.py ./
# Without pip: what runs installs nothing.
RUN python -m venv --without-pip /opt/venv \
    && python requirements.py -openvino s3 > api.txt \
    && pip --python /opt/venv/bin/python install -r api.txt

FROM packages AS packages-dashboard
RUN python requirements.py -openvino dashboard > dashboard.txt \
    && pip --python /opt/venv/bin/python install -r dashboard.txt

FROM packages AS packages-cpu
RUN python requirements.py onnx s3 > cpu.txt \
    && pip --python /opt/venv/bin/python install -r cpu.txt

# PyPI's torch for Linux brings CUDA as packages of its own (nvidia-*-cu13), pinned like all others; of the machine it needs
# the driver alone, which the NVIDIA Container Toolkit lends to the container. So no image of NVIDIA's is built upon.
FROM packages-cpu AS packages-gpu
RUN python requirements.py torch > gpu.txt \
    && pip --python /opt/venv/bin/python install -r gpu.txt

# The project itself, apart from what it needs: a change of ours makes one small layer.
FROM packages AS code
COPY . .
RUN pip --python /opt/venv/bin/python install --no-deps --target /opt/shoebox .

FROM python:${PYTHON} AS service
# The folders are there with their owner, so that a fresh volume put in their place belongs to that owner, too.
RUN useradd --no-create-home --home-dir /tmp --uid 10001 --user-group shoebox \
    && install -d -o shoebox -g shoebox -m 0700 /data /data/blobs /data/models
WORKDIR /opt/shoebox
ENV PATH=/opt/shoebox/bin:/opt/venv/bin:$PATH PYTHONPATH=/opt/shoebox PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp \
    GLIBC_TUNABLES=glibc.malloc.hugetlb=1 \
    SHOEBOX_DATA_DIR=/data SHOEBOX_HOST=0.0.0.0 SHOEBOX_LOG_FORMAT=json
USER 10001:10001

FROM service AS worker-gpu
COPY --from=packages-gpu /opt/venv /opt/venv
COPY --from=code /opt/shoebox /opt/shoebox
ENV SHOEBOX_BACKEND=torch SHOEBOX_DEVICE=cuda
HEALTHCHECK --interval=30s --timeout=10s --start-period=180s CMD ["python", "-m", "worker.health"]
CMD ["python", "-m", "worker", "classify"]

FROM service AS worker-cpu
COPY --from=packages-cpu /opt/venv /opt/venv
COPY --from=code /opt/shoebox /opt/shoebox
HEALTHCHECK --interval=30s --timeout=10s --start-period=180s CMD ["python", "-m", "worker.health"]
CMD ["python", "-m", "worker", "classify"]

FROM service AS dashboard
COPY --from=packages-dashboard /opt/venv /opt/venv
COPY --from=code /opt/shoebox /opt/shoebox
EXPOSE 8501
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=6 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=3)"]
CMD ["python", "-m", "dashboard"]

FROM service AS api
COPY --from=packages /opt/venv /opt/venv
COPY --from=code /opt/shoebox /opt/shoebox
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=6 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/live', timeout=3)"]
CMD ["python", "-m", "api"]
