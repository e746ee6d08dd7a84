"""What an operator watches of the messaging. No label holds anything personal."""

from prometheus_client import Counter, Gauge, Histogram

RELAYED = Counter("teilhabe_relay_messages_total", "Messages that the relay published", ["service", "topic"])
RELAY_FAILURES = Counter(
    "teilhabe_relay_failures_total",
    "Messages that Kafka refused; each holds back its key",
    ["service", "topic"],
)
RELAY_LAG = Gauge("teilhabe_relay_oldest_pending_seconds", "Age of the oldest unpublished message", ["service"])
RELAY_SHARDS = Gauge("teilhabe_relay_shards", "Shards that this process owns", ["service"])
REPLAYS = Counter("teilhabe_relay_replays_total", "Times the outbox window was published again", ["service"])
CONSUMED = Counter("teilhabe_consumed_messages_total", "Records handled", ["group", "topic"])
ONE_BY_ONE = Counter("teilhabe_consumed_one_by_one_total", "Batches that had to be split", ["group", "topic"])
RETRIES = Counter("teilhabe_consume_retries_total", "Attempts after a transient error", ["group", "topic"])
OUTAGES = Gauge("teilhabe_consume_waiting", "1 while a consumer waits for its own database", ["group", "topic"])
DEAD_LETTERS = Counter("teilhabe_dead_letters_total", "Records set aside", ["group", "topic", "reason"])
PARKED = Gauge("teilhabe_parked_messages", "Messages that wait for what they speak of", ["consumer"])
OVERDUE = Counter("teilhabe_parked_overdue_total", "Messages that waited too long", ["consumer"])
HANDLING = Histogram("teilhabe_consume_seconds", "Time to handle one batch", ["group", "topic"])
