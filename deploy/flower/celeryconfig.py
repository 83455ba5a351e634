"""What Flower is told: where the broker is, and which queues it is to count.

Workers take no commands through the broker, so Flower knows the queues alone; workers are in /metrics.
"""

from pathlib import Path

from kombu import Queue

PASSWORD = Path("/run/secrets/shoebox_redis_password").read_text().strip()

broker_url = f"redis://:{PASSWORD}@redis:6379/0"
task_queues = [Queue(name) for name in ("control", "interactive", "bulk")]
