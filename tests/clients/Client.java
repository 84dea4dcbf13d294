import io.socket.client.Ack;
import io.socket.client.IO;
import io.socket.client.Socket;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.util.Arrays;
import org.json.JSONArray;
import org.json.JSONObject;

/**
 * A rider's app with the Java client, for tests: Client URL RIDE accepts|declines
 *
 * Standard input has lines `board RECORD`, `exit RECORD` and `users`; what happens is printed as lines of JSON.
 */
public class Client {
    private static Socket socket;
    private static volatile String wanted; // the record, while the app means to be aboard

    private static synchronized void tell(String what, Object value) {
        try {
            System.out.println(new JSONObject().put(what, value == null ? JSONObject.NULL : value));
            System.out.flush();
        } catch (Exception e) {
            throw new RuntimeException(e);
        }
    }

    private static Ack told(String what) {
        return args -> tell(what, args[0]);
    }

    private static void say(String record, String told) {
        socket.emit("message", new Object[] {record}, told(told));
    }

    public static void main(String[] args) throws Exception {
        IO.Options options = new IO.Options();
        options.forceNew = true;
        options.reconnectionDelay = 50;
        options.reconnectionDelayMax = 200;
        // Its `auth` holds strings only, and "false" is none: so in the query.
        if (args[2].equals("declines")) options.query = "recover=0";
        socket = IO.socket(URI.create(args[0] + args[1]), options);
        // It knows no recovery: after a drop it is somebody new, and boards again. Whoever hears of the connection may
        // have it board at once, which is not for this listener.
        socket.on(Socket.EVENT_CONNECT, nothing -> {
            String record = wanted;
            tell("connect", socket.id());
            if (record != null) say(record, "aboard again");
        });
        socket.on(Socket.EVENT_DISCONNECT, reason -> tell("disconnect", reason[0]));
        for (String name : new String[] {"userBoarded", "userExited", "userDisconnected"})
            socket.on(name, event -> {
                JSONArray all = new JSONArray(Arrays.asList((Object) name));
                for (Object argument : event) all.put(argument);
                tell("event", all);
            });
        socket.connect();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        for (String line; (line = lines.readLine()) != null;) {
            String[] words = line.split(" ", 2);
            if (words[0].equals("users")) {
                socket.emit("activeUsers", new Object[] {}, told("ack"));
            } else {
                wanted = words[0].equals("board") ? words[1] : null;
                say(words[1], "ack");
            }
        }
        System.exit(0);
    }
}
