"""Reacts to each OrderConfirmed once, however often it comes: python react.py [ENDPOINTS.JSON [DATABASE]]

Prints a letter of thanks for each order. Ends when no event has come for 10 s."""

import json
import sqlite3
import sys

from confluent_kafka import Consumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

at = json.load(open(sys.argv[1] if len(sys.argv) > 1 else "../../.minuet/endpoints.json"))
topic = at["topic_prefix"] + "orders.events"
decode = AvroDeserializer(SchemaRegistryClient({"url": at["registry"]}))
database = sqlite3.connect(sys.argv[2] if len(sys.argv) > 2 else "letters.db")
database.execute("create table if not exists letters (source, id, order_id, text, primary key (source, id))")

# Offsets are committed by hand, after the database: a crash in between repeats events and loses none.
settings = {"group.id": "letters-python", "auto.offset.reset": "earliest", "enable.auto.commit": False}
consumer = Consumer({"bootstrap.servers": at["kafka"], **settings})
consumer.subscribe([topic])
while message := consumer.poll(10):
    if message.error():
        print(f"Kafka: {message.error()}", file=sys.stderr)
        continue
    headers = dict(message.headers() or [])
    if headers.get("ce_type") == b"minuet.orders.OrderConfirmed.v1":
        order = decode(message.value(), SerializationContext(topic, MessageField.VALUE))
        text = f"Dear {order['user_id']}, thank you for {order['currency']} {order['total']}."
        row = (headers["ce_source"].decode(), headers["ce_id"].decode(), order["order_id"], text)
        with database:  # one transaction: the event's name and what was done about it
            if database.execute("insert or ignore into letters values (?, ?, ?, ?)", row).rowcount:
                print(order["order_id"], text, flush=True)
    consumer.commit(message, asynchronous=False)
consumer.close()
