# One image for the API and the workers (processor only; the image for GPUs comes with its own compose file).
FROM python:3.13-slim

RUN useradd --create-home --uid 10001 shoebox && install -d -o shoebox -g shoebox -m 0700 /data
WORKDIR /opt/shoebox
COPY pyproject.toml constraints.txt README.md alembic.ini logs.py settings.py ./
COPY model model
COPY db db
COPY worker worker
COPY api api
COPY client client
COPY cli cli
COPY xmp xmp
RUN pip install --no-cache-dir -c constraints.txt -e .

USER shoebox
ENV SHOEBOX_DATA_DIR=/data SHOEBOX_HOST=0.0.0.0 SHOEBOX_LOG_FORMAT=json
VOLUME /data
EXPOSE 8000
CMD ["python", "-m", "api"]
