import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** What both programs need: where the shop is, and the registry's framing of Avro. */
record Shop(String kafka, String registry, String prefix) {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Reads endpoints.json, as `make up` writes it. */
    static Shop open(String[] args) throws IOException {
        JsonNode at = JSON.readTree(new File(args.length > 0 ? args[0] : "../../.minuet/endpoints.json"));
        return new Shop(at.get("kafka").asText(), at.get("registry").asText(), at.get("topic_prefix").asText());
    }

    /** What the registry answers below a path. A program that reads much keeps it: a schema never changes. */
    JsonNode ask(String path) throws IOException, InterruptedException {
        var request = HttpRequest.newBuilder(URI.create(registry + path)).build();
        var answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
        if (answer.statusCode() != 200) throw new IOException("the registry has no " + path + ": " + answer.body());
        return JSON.readTree(answer.body());
    }

    /** A zero byte, the schema's id in 4 bytes, the record. */
    static byte[] encode(int id, GenericRecord record) throws IOException {
        var bytes = new ByteArrayOutputStream();
        new DataOutputStream(bytes).write(ByteBuffer.allocate(5).put((byte) 0).putInt(id).array());
        var encoder = EncoderFactory.get().binaryEncoder(bytes, null);
        new GenericDatumWriter<GenericRecord>(record.getSchema()).write(record, encoder);
        encoder.flush();
        return bytes.toByteArray();
    }

    GenericRecord decode(byte[] value) throws IOException, InterruptedException {
        int id = ByteBuffer.wrap(value).getInt(1);
        var schema = new Schema.Parser().parse(ask("/schemas/ids/" + id).get("schema").asText());
        var decoder = DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, null);
        return new GenericDatumReader<GenericRecord>(schema).read(null, decoder);
    }

    static String header(ConsumerRecord<String, byte[]> message, String name) {
        var header = message.headers().lastHeader(name);
        return header == null || header.value() == null ? "" : new String(header.value());
    }
}
