import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Reacts to each OrderConfirmed once, however often it comes: writes a letter of thanks for each order to a file. */
class React {
    public static void main(String[] args) throws Exception {
        var shop = Shop.open(args);
        var letters = Path.of(args.length > 1 ? args[1] : "letters.txt");
        // A line is both, the letter and the name of its event: neither is there without the other.
        var done = new HashSet<String>();
        if (Files.exists(letters)) {
            var written = Files.readString(letters);
            var whole = written.substring(0, written.lastIndexOf('\n') + 1);
            try (var file = Files.newByteChannel(letters, StandardOpenOption.WRITE)) {
                file.truncate(whole.getBytes().length); // a torn last line is cut off
            }
            whole.lines().forEach(line -> done.add(line.split("\t")[0]));
        }
        Map<String, Object> settings = Map.of("bootstrap.servers", shop.kafka(), "group.id", "letters-java",
            "auto.offset.reset", "earliest", "enable.auto.commit", false);
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(List.of(shop.prefix() + "orders.events"));
            for (var idle = System.nanoTime(); System.nanoTime() - idle < Duration.ofSeconds(10).toNanos();) {
                for (var message : consumer.poll(Duration.ofSeconds(1))) {
                    idle = System.nanoTime();
                    if (!Shop.header(message, "ce_type").equals("minuet.orders.OrderConfirmed.v1")) continue;
                    var event = Shop.header(message, "ce_source") + " " + Shop.header(message, "ce_id");
                    if (!done.add(event)) continue;
                    var order = shop.decode(message.value());
                    var letter = order.get("order_id") + "\tDear " + order.get("user_id") + ", thank you for your order.";
                    Files.writeString(letters, event + "\t" + letter + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND, StandardOpenOption.DSYNC);
                    System.out.println(letter);
                }
                consumer.commitSync(); // only now: a crash before it repeats events and loses none
            }
        }
    }
}
