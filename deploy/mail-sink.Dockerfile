# Takes e-mail and shows it in its log, and keeps none: for trying things out, see compose.yaml.

ARG BASE=debian:trixie-slim

FROM ${BASE}
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-aiosmtpd \
    && rm -rf /var/lib/apt/lists/*
USER 10001:10001
EXPOSE 8025
ENTRYPOINT ["python3", "-u", "-m", "aiosmtpd", "--nosetuid", "--listen", "0.0.0.0:8025"]
