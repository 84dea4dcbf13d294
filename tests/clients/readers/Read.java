import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONObject;

/** Prints what org.json, which comes with the Java client, makes of JSON texts: see readers.mjs. */
public class Read {
    private static String text(String value) {
        return '"' + HexFormat.of().formatHex(value.getBytes(StandardCharsets.UTF_8)) + '"';
    }

    private static String dump(Object value) throws Exception {
        List<String> parts = new ArrayList<>();
        if (value instanceof JSONObject object) {
            for (Iterator<?> names = object.keys(); names.hasNext();) {
                String name = (String) names.next();
                parts.add("[" + text(name) + "," + dump(object.get(name)) + "]");
            }
            return "{\"o\":[" + String.join(",", parts) + "]}";
        }
        if (value instanceof JSONArray array) {
            for (int i = 0; i < array.length(); i++) parts.add(dump(array.get(i)));
            return "[" + String.join(",", parts) + "]";
        }
        if (value instanceof Number) return "{\"n\":\"" + value + "\"}";
        return value instanceof String string ? text(string) : value.toString();
    }

    public static void main(String[] args) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line; (line = lines.readLine()) != null;) {
            String json = new String(HexFormat.of().parseHex(line), StandardCharsets.UTF_8);
            System.out.println(dump(json.startsWith("[") ? new JSONArray(json) : new JSONObject(json)));
        }
    }
}
