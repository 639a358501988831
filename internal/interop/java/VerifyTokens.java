// Runs Verify.java, which docs/verify.md shows, with the tokens of its input.
import java.io.BufferedReader;
import java.io.InputStreamReader;

public class VerifyTokens {
  public static void main(String[] args) throws Exception {
    var verifier = new Verify(System.getenv("ISSUER"), System.getenv("AUDIENCE"));
    var tokens = new BufferedReader(new InputStreamReader(System.in));
    for (String token; (token = tokens.readLine()) != null; ) {
      String result = "ok";
      try {
        verifier.verify(token);
      } catch (Exception e) {
        result = e.toString().replace('\n', ' ');
      }
      System.out.println(result);
    }
  }
}
