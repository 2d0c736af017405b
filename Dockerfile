# One file for every image. SERVICE is intake, routing, scheduler, notifier, gateway, or ops (the `casework` command, the
# development inbox and issuer, and what prepares a system):
#     docker build --build-arg SERVICE=intake -t casework-intake .
# The target `front` is the load balancer before the gateways:
#     docker build --target front -t casework-front .

FROM python:3.12-slim AS build
ARG SERVICE
RUN pip install --no-cache-dir --disable-pip-version-check uv==0.13.9
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/opt/casework UV_NO_CACHE=1
WORKDIR /source
# Dependencies first: they change less often than code, and stay in the cache then.
COPY pyproject.toml uv.lock ./
COPY ops/pyproject.toml ops/
COPY shared/pyproject.toml shared/
COPY services/intake/pyproject.toml services/intake/
COPY services/routing/pyproject.toml services/routing/
COPY services/scheduler/pyproject.toml services/scheduler/
COPY services/notifier/pyproject.toml services/notifier/
COPY services/gateway/pyproject.toml services/gateway/
RUN test -n "$SERVICE" || { echo "say which: --build-arg SERVICE=intake" >&2; exit 1; }; \
    uv sync --frozen --no-dev --no-install-workspace --package "casework-$SERVICE"
COPY . .
# Each image holds shared and its own folder, and nothing of its neighbours.
RUN mkdir /app && cp -r shared /app/ && \
    if [ "$SERVICE" = ops ]; then cp -r ops council /app/; \
    else mkdir /app/services && cp services/__init__.py /app/services/ && cp -r "services/$SERVICE" /app/services/; fi && \
    if [ "$SERVICE" = gateway ]; then mkdir /app/docs && cp docs/asyncapi.json /app/docs/; fi && \
    python -m compileall -q /app

FROM python:3.12-slim AS front
RUN apt-get update && apt-get install -y --no-install-recommends haproxy && rm -rf /var/lib/apt/lists/*
COPY ops/containers/haproxy.cfg /etc/haproxy/haproxy.cfg
USER haproxy
CMD ["haproxy", "-W", "-db", "-f", "/etc/haproxy/haproxy.cfg"]

FROM python:3.12-slim AS casework
ARG SERVICE
RUN groupadd --gid 10001 casework && useradd --uid 10001 --gid casework --no-create-home --shell /usr/sbin/nologin casework
# A named volume takes the owner of the folder it is first mounted over: what is prepared can be written by casework.
RUN mkdir -p /secrets/broker /secrets/operator /secrets/intake /secrets/routing /secrets/scheduler /secrets/notifier \
    /secrets/gateway /secrets/issuer /state && chown -R casework:casework /secrets /state
COPY --from=build /opt/casework /opt/casework
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/opt/casework/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    CASEWORK_APP=services.${SERVICE}.app:create_app
USER casework
EXPOSE 8080
# `exec`: SIGTERM reaches the service, which finishes what it has taken.
CMD ["sh", "-c", "exec python -m uvicorn \"$CASEWORK_APP\" --factory --host 0.0.0.0 --port 8080 --loop uvloop --log-level warning --no-access-log --timeout-graceful-shutdown 20"]
