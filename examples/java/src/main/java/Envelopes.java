import io.cloudevents.kafka.CloudEventDeserializer;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Reads every event of the shop by the SDK of CloudEvents, and counts the types. */
class Envelopes {
    public static void main(String[] args) throws Exception {
        var shop = Shop.open(args);
        Map<String, Object> settings = Map.of("bootstrap.servers", shop.kafka(), "group.id", "envelopes-java",
            "auto.offset.reset", "earliest", "enable.auto.commit", false);
        var types = new TreeMap<String, Integer>();
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new CloudEventDeserializer())) {
            consumer.subscribe(Pattern.compile(Pattern.quote(shop.prefix()) + "(orders|inventory|payments|catalog)\\..*"));
            for (var idle = System.nanoTime(); System.nanoTime() - idle < Duration.ofSeconds(10).toNanos();) {
                for (var message : consumer.poll(Duration.ofSeconds(1))) {
                    idle = System.nanoTime();
                    // A message without a value takes a product out of the shop: a tombstone is no event.
                    if (message.value() == null) continue;
                    // The data is the registry's framing of Avro: a zero byte, the schema's id, the record.
                    if (message.value().getData().toBytes()[0] != 0) throw new IllegalStateException(message.toString());
                    types.merge(message.value().getType(), 1, Integer::sum);
                }
            }
        }
        types.forEach((type, number) -> System.out.println(number + " " + type));
        if (types.isEmpty()) throw new IllegalStateException("no event was there");
    }
}
