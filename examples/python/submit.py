"""Submits an order as an event, and follows it to its end: python submit.py [ENDPOINTS.JSON]"""

import json
import sys
import uuid

from confluent_kafka import Consumer, Producer
from confluent_kafka.schema_registry import SchemaRegistryClient, record_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

at = json.load(open(sys.argv[1] if len(sys.argv) > 1 else "../../.minuet/endpoints.json"))
kafka, prefix, registry = at["kafka"], at["topic_prefix"], SchemaRegistryClient({"url": at["registry"]})
intake, events = prefix + "orders.intake", prefix + "orders.events"

# The schema that the registry has, never one of our own: its subject is the record's full name.
rules = {"auto.register.schemas": False, "use.latest.version": True, "subject.name.strategy": record_subject_name_strategy}
encode = AvroSerializer(registry, registry.get_latest_version("minuet.orders.OrderSubmitted").schema, conf=rules)
decode = AvroDeserializer(registry)

order_id = str(uuid.uuid4())
lines = [{"sku": "MUG-STONE", "quantity": 2}]
order = {"order_id": order_id, "user_id": "ada", "payment_method": "credit_card", "lines": lines}
headers = {
    "ce_specversion": "1.0",
    "ce_id": str(uuid.uuid4()),
    "ce_type": "minuet.orders.OrderSubmitted.v1",
    "ce_source": "examples/python",
    "content-type": "application/avro",
}
producer = Producer({"bootstrap.servers": kafka, "enable.idempotence": True})
value = encode(order, SerializationContext(intake, MessageField.VALUE))
producer.produce(intake, key=order_id, value=value, headers=headers)
if producer.flush(30):
    sys.exit(f"Kafka at {kafka} has not acknowledged the order: send the same event again, under the same ce_id")
print(f"submitted {order_id}")

# A group of its own, from the beginning: it reads past what others ordered.
consumer = Consumer({"bootstrap.servers": kafka, "group.id": f"follow-{order_id}", "auto.offset.reset": "earliest"})
consumer.subscribe([events])
while message := consumer.poll(30):
    if not message.error() and message.key() == order_id.encode():
        kind = dict(message.headers())["ce_type"].decode().split(".")[2]
        print(kind, decode(message.value(), SerializationContext(events, MessageField.VALUE)))
        if kind in ("OrderConfirmed", "OrderCancelled", "OrderFailed", "OrderRejected"):
            consumer.close()
            sys.exit(0)
sys.exit("the order has not ended: nothing came for 30 s")
