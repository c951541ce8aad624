# One image per service, each with the dependencies of its service alone:
#     docker build --target api --tag archivist/api .
# Targets: api transcriber vod monitor migrate. They run as an ordinary user on a read-only root; only /tmp and the
# volumes are written to. Settings come from the environment (.env.example); no secret is in an image.
# A Python that `make smoke-pythons` tries: .ci/smoke-pythons.
ARG BASE_IMAGE=python:3.13-slim

# What building takes: pip, and the hash-pinned tools of requirements/build.txt.
FROM ${BASE_IMAGE} AS tools
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements/build.txt requirements/build.txt
RUN python3 -m venv /build && /build/bin/pip install --require-hashes -r requirements/build.txt

# The distribution itself, without its dependencies.
FROM tools AS wheel
COPY pyproject.toml README.md ./
COPY demo demo
# Without libs/bench: benchmarks are no part of a service.
COPY libs/captions libs/captions
COPY libs/common libs/common
COPY libs/cli libs/cli
COPY services services
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheel .

# Per service: its locked dependencies, then the distribution, in a virtual environment that has no pip.
FROM tools AS api-venv
COPY requirements/api.txt requirements/
RUN python3 -m venv --without-pip /opt/archivist \
    && /build/bin/pip --python /opt/archivist/bin/python install --require-hashes -r requirements/api.txt
COPY --from=wheel /wheel /wheel
RUN /build/bin/pip --python /opt/archivist/bin/python install --no-index --no-deps /wheel/*.whl

FROM tools AS transcriber-venv
COPY requirements/transcriber.txt requirements/
RUN python3 -m venv --without-pip /opt/archivist \
    && /build/bin/pip --python /opt/archivist/bin/python install --require-hashes -r requirements/transcriber.txt
COPY --from=wheel /wheel /wheel
RUN /build/bin/pip --python /opt/archivist/bin/python install --no-index --no-deps /wheel/*.whl

FROM tools AS vod-venv
COPY requirements/vod.txt requirements/
RUN python3 -m venv --without-pip /opt/archivist \
    && /build/bin/pip --python /opt/archivist/bin/python install --require-hashes -r requirements/vod.txt
COPY --from=wheel /wheel /wheel
RUN /build/bin/pip --python /opt/archivist/bin/python install --no-index --no-deps /wheel/*.whl

FROM tools AS monitor-venv
COPY requirements/monitor.txt requirements/
RUN python3 -m venv --without-pip /opt/archivist \
    && /build/bin/pip --python /opt/archivist/bin/python install --require-hashes -r requirements/monitor.txt
COPY --from=wheel /wheel /wheel
RUN /build/bin/pip --python /opt/archivist/bin/python install --no-index --no-deps /wheel/*.whl

FROM tools AS migrate-venv
COPY requirements/migrate.txt requirements/
RUN python3 -m venv --without-pip /opt/archivist \
    && /build/bin/pip --python /opt/archivist/bin/python install --require-hashes -r requirements/migrate.txt
COPY --from=wheel /wheel /wheel
RUN /build/bin/pip --python /opt/archivist/bin/python install --no-index --no-deps /wheel/*.whl

# What every image is: Python, a user of its own, the folders that volumes are mounted on.
FROM ${BASE_IMAGE} AS runtime
RUN groupadd --gid 10001 archivist \
    && useradd --uid 10001 --gid archivist --no-create-home --home-dir /tmp --shell /usr/sbin/nologin archivist \
    && install --directory --owner archivist --group archivist /var/lib/archivist /var/lib/archivist/transcriptions
COPY deploy/healthcheck.py /opt/healthcheck.py
ENV PATH=/opt/archivist/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /var/lib/archivist
USER 10001:10001

FROM runtime AS migrate
COPY --from=migrate-venv /opt/archivist /opt/archivist
HEALTHCHECK NONE
CMD ["archivist-migrate"]

FROM runtime AS vod
COPY --from=vod-venv /opt/archivist /opt/archivist
ENV VOD_HOST=0.0.0.0 VOD_PORT=8002
EXPOSE 8002
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "/opt/healthcheck.py", "VOD_PORT"]
CMD ["archivist-vod"]

FROM runtime AS monitor
COPY --from=monitor-venv /opt/archivist /opt/archivist
ENV MONITOR_HOST=0.0.0.0 MONITOR_PORT=8003
EXPOSE 8003
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "/opt/healthcheck.py", "MONITOR_PORT"]
CMD ["archivist-monitor"]

FROM runtime AS transcriber
COPY --from=transcriber-venv /opt/archivist /opt/archivist
ENV TRANSCRIBER_HOST=0.0.0.0 TRANSCRIBER_PORT=8001
EXPOSE 8001
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "/opt/healthcheck.py", "TRANSCRIBER_PORT"]
CMD ["archivist-transcriber"]

FROM runtime AS api
COPY --from=api-venv /opt/archivist /opt/archivist
ENV API_HOST=0.0.0.0 API_PORT=8000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "/opt/healthcheck.py", "API_PORT"]
CMD ["archivist-api"]
