import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;

/** Sends a file to an address by Java's default client, and writes the answer to another file. */
public class Infer {
    public static void main(String[] arguments) throws Exception {
        HttpClient client = HttpClient.newHttpClient(); // it asks to upgrade to HTTP/2
        byte[] body = Files.readAllBytes(Path.of(arguments[2]));
        for (int i = 0; i < 3; i++) { // also on a connection that is open already
            HttpRequest request = HttpRequest.newBuilder(URI.create(arguments[0]))
                .header("Inference-Header-Content-Length", arguments[1])
                .POST(HttpRequest.BodyPublishers.ofByteArray(body))
                .build();
            var answer = client.send(request, BodyHandlers.ofByteArray());
            if (answer.statusCode() != 200) {
                throw new IllegalStateException(answer.statusCode() + ": " + new String(answer.body()));
            }
            Files.write(Path.of(arguments[3]), answer.body());
        }
    }
}
