# The portal, without the sandbox: `docker build -t device-portal .`
# It reads its settings from the environment (README.md) and starts only gunicorn. Run `python manage.py migrate` in it
# once for each version.

FROM python:3.11-slim-bookworm AS build
WORKDIR /app
RUN python -m venv /venv
COPY requirements/run.txt requirements/run.txt
RUN /venv/bin/pip install --no-cache-dir --require-hashes -r requirements/run.txt
COPY manage.py ./
COPY portal portal
COPY devices devices
COPY templates templates
COPY static static
COPY locale locale
# DEBUG=on provides defaults for required settings, for this command only.
RUN DEBUG=on /venv/bin/python manage.py collectstatic --noinput

FROM python:3.11-slim-bookworm
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
RUN groupadd --gid 10001 portal \
    && useradd --uid 10001 --gid portal --no-create-home --shell /usr/sbin/nologin portal \
    && install --directory --owner portal --group portal /app/var
COPY --from=build /venv /venv
COPY --from=build /app /app
# Numeric, so that a host can verify that it is not root.
USER 10001:10001
# For the SQLite database; unused if DATABASE_URL names a server.
VOLUME ["/app/var"]
EXPOSE 8080
CMD ["gunicorn", "-c", "python:portal.gunicorn", "--bind", "0.0.0.0:8080"]
