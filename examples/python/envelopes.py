"""Reads every event of the shop by the SDK of CloudEvents, and counts the types: python envelopes.py [ENDPOINTS.JSON]"""

import collections
import json
import sys

from cloudevents.kafka import KafkaMessage, from_binary
from confluent_kafka import Consumer

at = json.load(open(sys.argv[1] if len(sys.argv) > 1 else "../../.minuet/endpoints.json"))
settings = {"group.id": "envelopes-python", "auto.offset.reset": "earliest", "enable.auto.commit": False}
consumer = Consumer({"bootstrap.servers": at["kafka"], **settings})
consumer.subscribe([f"^{at['topic_prefix']}(orders|inventory|payments|catalog)\\..*"])
types = collections.Counter()
while message := consumer.poll(10):
    # A message without a value takes a product out of the shop: a tombstone is no event.
    if not message.error() and message.value() is not None:
        raw = KafkaMessage(dict(message.headers()), message.key(), message.value())
        event = from_binary(raw, data_unmarshaller=bytes)
        # The data is the registry's framing of Avro: a zero byte, the schema's id, the record.
        assert event["datacontenttype"] == "application/avro" and event.data[0] == 0, message.headers()
        types[event["type"]] += 1
consumer.close()
for kind, number in sorted(types.items()):
    print(number, kind)
sys.exit(0 if types else "no event was there")
