"""Wait until every RPC queue has a consumer (runs in the cloud's venv).

python -m tools.devcloud.queues QUEUE...
"""

import sys
import time

import amqp

from tools.devcloud import settings

LIMIT = 180.0  # seconds


def main(names: list[str]) -> int:
    """Wait for the queues of these names."""
    waiting = set(names)
    end = time.monotonic() + LIMIT
    with amqp.Connection(
        f'{settings.IP}:{settings.RABBITMQ_PORT}',
        userid=settings.RABBITMQ_USER,
        password=settings.PASSWORD,
        virtual_host=settings.CLOUD_VHOST,
    ) as connection:
        while waiting:
            waiting -= {name for name in waiting if consumed(connection, name)}
            if waiting and time.monotonic() > end:
                print(
                    'no consumer after {:.0f} s on: {}'.format(LIMIT, ', '.join(sorted(waiting))),
                    file=sys.stderr,
                )
                return 1
            time.sleep(0.1)
    return 0


def consumed(connection: amqp.Connection, queue: str) -> bool:
    """Whether the queue exists and somebody listens to it."""
    try:
        with connection.channel() as channel:
            return bool(channel.queue_declare(queue, passive=True).consumer_count)
    except amqp.NotFound:
        return False


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
