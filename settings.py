"""Every setting, read from the environment once. The only reader of the environment; imports nothing of ours."""

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

MEBIBYTE = 1024**2
GIBIBYTE = 1024**3
# Where Docker and Kubernetes put secrets.
SECRETS = "/run/secrets"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Settings(BaseSettings):
    """Settings as ``SHOEBOX_<NAME>`` in the environment, in a ``.env`` file, or as a file ``shoebox_<name>`` among the
    secrets; the first of these that has it is taken. Each has one row in docs/settings.md.
    """

    model_config = SettingsConfigDict(env_prefix="SHOEBOX_", env_file=".env", frozen=True, extra="ignore")

    data_dir: Path = Field(Path("~/.shoebox"), description="Where the database, uploads, logs and the local key live.")
    database_url: str = Field("", description="SQLAlchemy URL. Empty: SQLite in WAL mode under the data directory.")
    database_password: SecretStr = Field(
        SecretStr(""), description="Password of the database, where its URL names a user and no password."
    )
    redis_url: str = Field("", description="Redis or Valkey URL. Empty: the embedded Redis that `shoebox up` starts.")
    redis_password: SecretStr = Field(SecretStr(""), description="Password of Redis, where its URL has none.")
    blobs_url: str = Field(
        "",
        description="Where uploads are kept: file:///a/folder, or s3://bucket/prefix (docs/deployment.md). "
        "Empty: the folder `blobs` under the data directory.",
    )
    secrets_dir: Path = Field(
        Path(SECRETS),
        description="Folder of files that each hold one setting: `shoebox_database_password`, for example. "
        "From the environment alone.",
    )
    host: str = Field("127.0.0.1", description="Address the API listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port of the API.")
    trusted_proxies: str = Field(
        "127.0.0.1,::1",
        description="Addresses or networks, separated by commas, whose X-Forwarded-For and -Proto are believed.",
    )
    server_url: str = Field("", description="Shoebox that the command line talks to. Empty: the one of this machine.")
    server_key: SecretStr = Field(SecretStr(""), description="Key for it. Empty: this machine's own.")

    model: str = Field(
        "",
        description="The model that judges a job which names none: `name` or `name@version`. "
        "Empty: the one promoted last, or else scenes.",
    )
    backend: str = Field(
        "auto",
        description="What runs the network, by a name in docs/backends.md. auto: what is quickest here, measured once.",
    )
    device: str = Field("auto", description="auto, cpu, or cuda with an index, for the torch backend.")
    classify_workers: int = Field(
        1, ge=1, le=64, description="Classify workers that `shoebox up` starts; they share the cores and the GPU."
    )
    decoders: int = Field(
        0, ge=0, description="Decoder processes of a classify worker. 0: one per core, shared among the workers."
    )
    threads: int = Field(
        0,
        ge=0,
        description="Network threads of a classify worker. 0: the backend's choice, or a worker's share of the cores.",
    )
    batch_size: int = Field(
        0, ge=0, le=1024, description="Photos in one network batch. 0: 16 on a processor, 64 on a GPU."
    )

    max_upload_bytes: int = Field(50 * GIBIBYTE, ge=1, description="Largest request body of one submission.")
    max_files: int = Field(1000, ge=1, description="Most files in one submission.")
    max_entries: int = Field(200_000, ge=1, description="Most entries in one ZIP.")
    max_unpacked_bytes: int = Field(
        1024 * GIBIBYTE, ge=1, description="Most bytes that the photos of one ZIP may take together, unpacked."
    )
    max_ratio: int = Field(
        200, ge=1, description="Most times its own size that a ZIP may unpack to, when that is more than 1 GiB."
    )
    max_file_bytes: int = Field(128 * MEBIBYTE, ge=1, description="Largest single photo.")
    max_pixels: int = Field(120_000_000, ge=1, description="Most pixels in one photo, read from its header.")
    decode_seconds: float = Field(10.0, gt=0, description="Longest time for decoding one photo.")
    decode_memory_bytes: int = Field(GIBIBYTE, ge=1, description="Most memory a decoder may take for one photo.")
    min_free_bytes: int = Field(
        GIBIBYTE, ge=0, description="Free space to keep on the blobs' disk; below it uploads get 507."
    )

    blobs_quota_bytes: int = Field(
        0, ge=0, description="Most bytes of uploads that are kept; beyond them uploads get 507. 0: no such limit."
    )

    max_queued_items: int = Field(
        2_000_000,
        ge=0,
        description="Photos of one owner that may wait to be judged; then new ones get 429. 0: no limit.",
    )
    max_queued_items_in_all: int = Field(
        10_000_000, ge=0, description="The same for all owners together; then new ones get 503. 0: no limit."
    )
    keep_uploads: float = Field(
        90.0, ge=0, description="Days that uploads are kept after the last job over them has ended. 0: for ever."
    )
    keep_results: float = Field(
        0.0, ge=0, description="Days that results are kept after their job has ended, and its uploads. 0: for ever."
    )
    retention_minutes: float = Field(
        60.0, gt=0, description="Pause between two looks for what is to be deleted, in minutes."
    )

    shard_items: int = Field(32, ge=1, le=64, description="Photos in one shard, the unit of lease.")
    lease_seconds: float = Field(30.0, gt=0, description="How long a worker's right to a shard lasts unless renewed.")
    sweep_seconds: float = Field(10.0, gt=0, description="Pause between two sweeps.")
    idle_exit_seconds: float = Field(30.0, gt=0, description="A worker idle so long beside ready work restarts itself.")
    keys_file: Path = Field(Path("key"), description="File of the local admin key, relative to the data directory.")
    auth_failures_per_minute: int = Field(20, ge=1, description="Failed sign-ins one address may make in a minute.")

    requests_per_minute: int = Field(
        3000, ge=0, description="Requests that one key may make in a minute; an upload is one. 0: no limit."
    )
    address_requests_per_minute: int = Field(
        6000, ge=0, description="Requests that one address may make in a minute, with whatever keys. 0: no limit."
    )
    allowed_hosts: str = Field(
        "",
        description="Names of this server, separated by commas; others are refused, by the dashboard too. *: any. "
        "Empty: this machine's and that of the public URL where it listens to itself alone, else any.",
    )

    ticket_minutes: float = Field(
        15.0, gt=0, le=1440, description="How long an upload may be started with a ticket, in minutes."
    )
    dashboard: bool = Field(True, description="Whether `shoebox up` starts the dashboard, where it is installed.")
    dashboard_port: int = Field(
        0, ge=0, le=65535, description="Port of the dashboard, on the API's address. 0: 501 above the API's."
    )
    dashboard_origins: str = Field(
        "",
        description="Origins whose pages may send uploads with a ticket, separated by commas. "
        "Empty: the dashboard's, on this machine.",
    )
    dashboard_sign_in: Literal["auto", "key", "oidc"] = Field(
        "auto",
        description="How people sign in to the dashboard: with a key, or through OpenID Connect (docs/dashboard.md). "
        "auto: nobody has to on this machine, where the local key lies; elsewhere with a key.",
    )
    public_url: str = Field(
        "", description="The API as browsers reach it. Empty: the dashboard's own host, at the API's port."
    )

    webhook_hours: float = Field(24.0, ge=0, description="How long a message about a finished job is tried, in hours.")
    webhook_retry_seconds: float = Field(
        10.0, gt=0, description="Pause before its second try; each later one is twice as long, 3 hours at most."
    )
    webhook_seconds: float = Field(10.0, gt=0, le=50, description="Longest time for one try.")
    webhook_networks: str = Field(
        "",
        description="Networks that messages may go to although they are not public: 10.0.0.0/8, separated by commas.",
    )
    webhook_http: bool = Field(False, description="Whether messages may go to addresses without TLS (http://).")
    webhook_ca_file: str = Field("", description="File (PEM) with authorities to trust beside the system's.")

    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto: console on a terminal, else JSON."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe level that is logged."
    )
    metrics_port: int = Field(
        0,
        ge=0,
        le=65471,
        description="Port for Prometheus on a control worker; classify workers' are the next ones. 0: none.",
    )
    metrics_host: str = Field("127.0.0.1", description="Address for it.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The places that settings come from, the strongest first; the folder of secrets only where there is one."""
        sources = (init_settings, env_settings, dotenv_settings)
        folder = Path(os.environ.get("SHOEBOX_SECRETS_DIR") or SECRETS)
        if not folder.is_dir() or not os.access(folder, os.R_OK | os.X_OK):
            return sources
        return *sources, SecretsSettingsSource(settings_cls, folder)

    @field_validator("keep_uploads", "keep_results", mode="before")
    @classmethod
    def _for_ever(cls, days: object) -> object:
        return 0.0 if days == "" else days

    @field_validator("webhook_networks")
    @classmethod
    def _readable(cls, networks: str) -> str:
        for one in networks.split(","):
            if one.strip():
                ip_network(one.strip())
        return networks

    @property
    def home(self) -> Path:
        """The data directory, absolute."""
        return self.data_dir.expanduser().absolute()

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force; plain ``postgresql://`` is served by psycopg 3."""
        if not self.database_url:
            return f"sqlite:///{self.home / 'shoebox.db'}"
        url = self.database_url.replace("postgresql://", "postgresql+psycopg://", 1)
        return _with_password(url, self.database_password.get_secret_value())

    @property
    def redis_socket(self) -> Path:
        """Unix socket of the embedded Redis."""
        return self.home / "run" / "redis.sock"

    @property
    def embedded_redis(self) -> bool:
        """Whether `shoebox up` starts Redis itself."""
        return not self.redis_url

    @property
    def redis(self) -> str:
        """The Redis URL in force, as redis-py reads it."""
        if not self.redis_url:
            return f"unix://{quote(str(self.redis_socket))}"
        return _with_password(self.redis_url, self.redis_password.get_secret_value())

    @property
    def broker(self) -> str:
        """The same Redis, as Celery spells it."""
        return self.redis.replace("unix://", "redis+socket://", 1)

    @property
    def blobs(self) -> str:
        """URL of the blob store in force."""
        return self.blobs_url or f"file://{quote(str(self.home / 'blobs'))}"

    @property
    def key_path(self) -> Path:
        """File of the local admin key (mode 0600)."""
        return self.home / self.keys_file

    @property
    def dashboard_at(self) -> int:
        """The dashboard's port in force."""
        return self.dashboard_port or (self.port + 501 if self.port + 501 <= 65535 else self.port - 501)

    @property
    def hosts(self) -> frozenset[str] | None:
        """The names by which the API may be called, as `host_name` gives them; None: any."""
        if self.allowed_hosts.strip() == "*" or (not self.allowed_hosts.strip() and self.host not in LOOPBACK):
            return None
        own = {host_name(urlsplit(self.public_url).netloc)} if self.public_url else set()
        return LOOPBACK | own | {host_name(one.strip()) for one in self.allowed_hosts.split(",") if one.strip()}

    @property
    def dashboard_hosts(self) -> frozenset[str] | None:
        """The same for the dashboard, which may also be called as its own origins are."""
        if self.hosts is None:
            return None
        return self.hosts | {host_name(urlsplit(origin).netloc) for origin in self.origins}

    @property
    def origins(self) -> frozenset[str]:
        """The dashboard's origins, as browsers write them."""
        here = f"http://localhost:{self.dashboard_at}, http://127.0.0.1:{self.dashboard_at}"
        found = (origin.strip().rstrip("/") for origin in (self.dashboard_origins or here).split(","))
        return frozenset(origin for origin in found if origin)

    @property
    def bundle_folders(self) -> tuple[Path, ...]:
        """Folders of added bundles; the built-in ones are the model package's own."""
        return (self.home / "models",)

    @property
    def decoders_each(self) -> int:
        """Decoder processes of each classify worker."""
        return self.decoders or self._cores_each

    @property
    def threads_each(self) -> int | None:
        """Network threads of each classify worker; None: as many as the backend likes."""
        return self.threads or (self._cores_each if self.classify_workers > 1 else None)

    @property
    def _cores_each(self) -> int:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return -(-cores // self.classify_workers)

    @property
    def backends_path(self) -> Path:
        """File that remembers which backend is the quickest here; it may be deleted at any time."""
        return self.home / "backends.json"

    @property
    def url(self) -> str:
        """Address at which this machine's own programs reach the API."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host
        return f"http://{host}:{self.port}"


def host_name(host: str) -> str:
    """The name without the port, in lower case; an IPv6 address without its brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].rstrip(".").lower()


def _with_password(url: str, password: str) -> str:
    """``url`` with the password, where it names a host and has none."""
    parts = urlsplit(url)
    if not password or not parts.netloc or parts.password is not None:
        return url
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}").geturl()
