"""What the tests of the messaging run in processes of their own: `python -m tests.support.messaging_process WHAT …`."""

import asyncio
import sys

from sqlalchemy import text

from shared.messaging.outbox import publish
from shared.messaging.producer import Producer
from shared.messaging.relay import Relay
from shared.runtime.serve import serve
from tests.support.messaging import Service, key


def _say(what: str) -> None:
    sys.stdout.write(what + "\n")
    sys.stdout.flush()


async def commit_and_hang(service: Service, *, outbox: str = "yes") -> None:
    """Commit a change and its message, and get no further: who publishes is killed here."""
    message = service.message(key("lost"), 1)
    async with service.database.begin() as session:
        await session.execute(text("INSERT INTO aggregates VALUES ('lost', 1)"))
        if outbox == "yes":
            await publish(session, message)
    _say("committed")
    await asyncio.sleep(600)
    producer = Producer(service.kafka)
    await producer.send_and_wait(message.topic, message.model_dump_json().encode(), b"lost", [])


async def relay(service: Service, *, mark: str = "yes") -> None:
    """A relay alone. With `mark=no` it hangs between sending and marking."""
    running = Relay(service.name, service.database, Producer(service.kafka))
    if mark == "no":

        async def hang(_: object) -> int:
            await asyncio.gather(*(flight.future for flight in running._in_flight.values()))
            _say("sent")
            await asyncio.sleep(600)
            return 0

        running._mark = hang  # type: ignore[method-assign]
    running.start()
    _say("started")
    await asyncio.sleep(600)


def worker(service: Service, *, port: str, hang: str = "no", stop_limit: str = "20") -> None:
    """A worker on uvicorn; with `hang=yes` its handler never ends."""

    async def stuck(*_: object) -> None:
        _say("stuck")
        await asyncio.sleep(600)

    consumer = service.consumer(apply=stuck) if hang == "yes" else service.consumer()
    app = service.worker(consumer, stop_limit=f"PT{stop_limit}S").app()
    _say("started")
    serve(app, host="127.0.0.1", port=int(port), stop_limit=float(stop_limit))


def main() -> None:
    """Run what the command line names."""
    what, kafka, url, name, topic, *rest = sys.argv[1:]
    service = Service(kafka, url, name, topic)
    more = dict(argument.split("=", 1) for argument in rest)
    if what == "worker":
        return worker(service, **more)
    return asyncio.run({"commit": commit_and_hang, "relay": relay}[what](service, **more))


if __name__ == "__main__":
    main()
