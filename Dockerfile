# A service for the models in /models:
#   docker build -t vaefeat .
#   docker run -p 8000:8000 -v ./models:/models:ro vaefeat
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY vaefeat vaefeat
RUN python -m venv /opt/vaefeat \
    && /opt/vaefeat/bin/pip install --no-cache-dir --disable-pip-version-check ".[serve,tables]" -c constraints.txt

FROM python:3.12-slim
RUN useradd --system --uid 10001 --no-create-home vaefeat
COPY --from=build /opt/vaefeat /opt/vaefeat
ENV PATH="/opt/vaefeat/bin:$PATH" PYTHONUNBUFFERED=1
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/v2/health/ready', timeout=2)"]
ENTRYPOINT ["vaefeat", "serve", "/models", "--host", "0.0.0.0"]
CMD ["--port", "8000"]
