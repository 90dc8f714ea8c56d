// Submits an order as an event, and follows it to its end: node submit.mjs [ENDPOINTS.JSON]
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import { Kafka, logLevel } from 'kafkajs';

const at = JSON.parse(readFileSync(process.argv[2] ?? '../../.minuet/endpoints.json', 'utf8'));
const kafka = new Kafka({ brokers: [at.kafka], logLevel: logLevel.ERROR });
const registry = new SchemaRegistry({ host: at.registry });

// The schema that the registry has, never one of our own: its subject is the record's full name.
const schema = await registry.getLatestSchemaId('minuet.orders.OrderSubmitted');
const order = {
  order_id: randomUUID(), user_id: 'ada', payment_method: 'credit_card', lines: [{ sku: 'MUG-STONE', quantity: 2 }],
};
const headers = {
  ce_specversion: '1.0', ce_id: randomUUID(), ce_type: 'minuet.orders.OrderSubmitted.v1', ce_source: 'examples/node',
  'content-type': 'application/avro',
};
const message = { key: order.order_id, value: await registry.encode(schema, order), headers };
const producer = kafka.producer({ idempotent: true });
await producer.connect();
await producer.send({ topic: at.topic_prefix + 'orders.intake', acks: -1, messages: [message] });
await producer.disconnect();
console.log('submitted', order.order_id);

// A group of its own, from the beginning: it reads past what others ordered.
const consumer = kafka.consumer({ groupId: `follow-${order.order_id}` });
const late = setTimeout(() => { console.error('the order has not ended after 60 s'); process.exit(1); }, 60_000);
await consumer.connect();
await consumer.subscribe({ topic: at.topic_prefix + 'orders.events', fromBeginning: true });
await consumer.run({
  eachMessage: async ({ message }) => {
    if (message.key?.toString() !== order.order_id) return;
    const kind = message.headers.ce_type.toString().split('.')[2];
    console.log(kind, (await registry.decode(message.value)).reason ?? '');
    if (['OrderConfirmed', 'OrderCancelled', 'OrderFailed', 'OrderRejected'].includes(kind)) {
      clearTimeout(late);
      setImmediate(() => consumer.disconnect());
    }
  },
});
