# One image for every process; compose.yaml says which it runs as.
FROM python:3.11-slim AS wheels
WORKDIR /build
COPY requirements.lock .
RUN python -m venv /opt/daybook \
 && /opt/daybook/bin/pip install --no-cache-dir --only-binary :all: --require-hashes -r requirements.lock

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home daybook \
 && install -d -o daybook /var/lib/daybook
COPY --from=wheels /opt/daybook /opt/daybook
WORKDIR /srv/daybook
COPY manage.py LICENSE ./
COPY config config
COPY metering metering
COPY billing billing
COPY dashboards dashboards
ENV PATH=/opt/daybook/bin:$PATH PYTHONUNBUFFERED=1 DATA_DIR=/var/lib/daybook
USER daybook
# The key only lets the settings load; none is kept in the image.
RUN SECRET_KEY=unused python manage.py collectstatic --no-input --verbosity=0
EXPOSE 8000
CMD ["gunicorn", "config.wsgi", "--bind=0.0.0.0:8000", "--worker-class=gthread", "--threads=32"]
