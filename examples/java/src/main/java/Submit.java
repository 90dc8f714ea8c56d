import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Submits an order as an event, and follows it to its end. */
class Submit {
    public static void main(String[] args) throws Exception {
        var shop = Shop.open(args);
        // The schema that the registry has, never one of our own: its subject is the record's full name.
        var latest = shop.ask("/subjects/minuet.orders.OrderSubmitted/versions/latest");
        var schema = new Schema.Parser().parse(latest.get("schema").asText());
        var line = new GenericRecordBuilder(schema.getField("lines").schema().getElementType());
        var id = UUID.randomUUID().toString();
        var order = new GenericRecordBuilder(schema)
            .set("order_id", id).set("user_id", "ada").set("payment_method", "credit_card")
            .set("lines", List.of(line.set("sku", "MUG-STONE").set("quantity", 2).build()))
            .build();
        var event = new ProducerRecord<>(shop.prefix() + "orders.intake", id, Shop.encode(latest.get("id").asInt(), order));
        Map.of("ce_specversion", "1.0", "ce_id", UUID.randomUUID().toString(), "ce_type", "minuet.orders.OrderSubmitted.v1",
            "ce_source", "examples/java", "content-type", "application/avro")
            .forEach((name, value) -> event.headers().add(name, value.getBytes()));
        Map<String, Object> settings = Map.of("bootstrap.servers", shop.kafka());
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new ByteArraySerializer())) {
            producer.send(event).get(); // acknowledged, or an error: then send the same event again, under the same ce_id
        }
        System.out.println("submitted " + id);

        // A group of its own, from the beginning: it reads past what others ordered.
        settings = Map.of("bootstrap.servers", shop.kafka(), "group.id", "follow-" + id, "auto.offset.reset", "earliest");
        var end = System.nanoTime() + Duration.ofMinutes(1).toNanos();
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(List.of(shop.prefix() + "orders.events"));
            while (System.nanoTime() < end) {
                for (var message : consumer.poll(Duration.ofSeconds(1))) {
                    if (!id.equals(message.key())) continue;
                    var kind = Shop.header(message, "ce_type").split("\\.")[2];
                    System.out.println(kind + " " + shop.decode(message.value()));
                    if (Set.of("OrderConfirmed", "OrderCancelled", "OrderFailed", "OrderRejected").contains(kind)) return;
                }
            }
        }
        throw new IllegalStateException("the order has not ended after a minute");
    }
}
