// Reacts to each OrderConfirmed once, however often it comes: node react.mjs [ENDPOINTS.JSON [FILE]]
// Writes a letter of thanks for each order to a file. Ends when no event has come for 10 s.
import { appendFileSync, fsyncSync, ftruncateSync, openSync, readFileSync } from 'node:fs';
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import { Kafka, logLevel } from 'kafkajs';

const at = JSON.parse(readFileSync(process.argv[2] ?? '../../.minuet/endpoints.json', 'utf8'));
const file = process.argv[3] ?? 'letters.jsonl';
const registry = new SchemaRegistry({ host: at.registry });

// A line is both, the letter and the name of its event: neither is there without the other. A torn last line is cut off.
const letters = openSync(file, 'a+');
const text = readFileSync(letters, 'utf8');
const whole = text.slice(0, text.lastIndexOf('\n') + 1);
ftruncateSync(letters, Buffer.byteLength(whole));
const done = new Set(whole.split('\n').filter(Boolean).map((line) => JSON.parse(line).event));

const consumer = new Kafka({ brokers: [at.kafka], logLevel: logLevel.ERROR }).consumer({ groupId: 'letters-node' });
const idle = setTimeout(() => consumer.disconnect(), 10_000);
await consumer.connect();
await consumer.subscribe({ topic: at.topic_prefix + 'orders.events', fromBeginning: true });
await consumer.run({
  // The offset is committed after this has returned: a crash in between repeats events and loses none.
  eachMessage: async ({ message }) => {
    idle.refresh();
    const { ce_type: type, ce_source: source, ce_id: id } = message.headers;
    const event = `${source} ${id}`;
    if (type?.toString() !== 'minuet.orders.OrderConfirmed.v1' || done.has(event)) return;
    const order = await registry.decode(message.value);
    const letter = { event, order_id: order.order_id, text: `Dear ${order.user_id}, thank you for your order.` };
    appendFileSync(letters, JSON.stringify(letter) + '\n');
    fsyncSync(letters);
    done.add(event);
    console.log(order.order_id, letter.text);
  },
});
