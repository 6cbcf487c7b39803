# The app, on port 7860. Nothing is written but below /data: the root may be read-only, the user any.
#   docker build -t playground .                               for CPUs
#   docker build -t playground --build-arg TARGET=cuda .       for NVIDIA GPUs (docker run --gpus all)
#   docker build --build-arg MODEL=qwen2.5-coder-0.5b-instruct .   with its weights inside
#   docker run -p 7860:7860 --read-only --tmpfs /tmp -v playground:/data -u 12345:0 playground
ARG TARGET=cpu

FROM python:3.12-slim AS base
ENV PATH=/srv/venv/bin:$PATH \
    PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /srv/venv
WORKDIR /srv/app
COPY requirements.txt .

# PyTorch's own index has a build without CUDA, which takes a gigabyte instead of six; or a mirror of it.
FROM base AS cpu
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" \
    "$(sed -n 's/^\(torch[><=][^ ]*\).*/\1/p' requirements.txt)"

# What PyPI has for Linux brings CUDA along; the host brings the driver.
FROM base AS cuda

FROM ${TARGET} AS app
RUN pip install --no-cache-dir -r requirements.txt
WORKDIR /srv/app
COPY . .
# Ray, for replicas on several machines: --build-arg CLUSTER=1 (see deploy/).
ARG CLUSTER=""
RUN if [ -n "$CLUSTER" ]; then \
    pip install --no-cache-dir "$(sed -n 's/^ *"\(ray\[serve\][^"]*\)",.*/\1/p' pyproject.toml)"; fi
RUN python -m compileall -q steering

# A name of the catalog, or a hub id: its weights come into the image, not at the first start. A checkout may
# be closed to others; a file whose mode is set anew, even to what it was, would be in the image twice.
ARG MODEL=""
RUN mkdir -p /srv/weights \
    && if [ -n "$MODEL" ]; then STEERING_CACHE=/srv/weights HF_HOME=/srv/weights/huggingface \
        python -m steering fetch --model "$MODEL"; fi \
    && find /srv/app /srv/weights \( ! -perm -444 -o -type d ! -perm -555 \) -exec chmod a+rX {} + \
    && mkdir /data && chmod 1777 /data

# Every cache is below /data. A user without a name has one all the same: Python asks for it.
ENV HOME=/data \
    USER=steering \
    TMPDIR=/data/tmp \
    GRADIO_TEMP_DIR=/data/tmp/gradio \
    HF_HOME=/data/huggingface \
    STEERING_CACHE=/data/steering \
    NUMBA_CACHE_DIR=/data/numba \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860
VOLUME /data
USER 1000:0
EXPOSE 7860
# The image has no curl. Up is not ready: a model may be loading (see docs/hosting.md).
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:' + os.environ['GRADIO_SERVER_PORT'] + '/health', timeout=4)"]
ENTRYPOINT ["container/start.sh"]
CMD ["python", "app.py"]
