// SPDX-License-Identifier: MIT

import java.io.BufferedReader;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/** The part of Java's JSSE in peer.h: the same words, the same report. Groups are a system property of the process. */
final class PeerJsse {
    static final int LIMIT_MS = 10000;
    static final BufferedReader LINES = new BufferedReader(new InputStreamReader(System.in));
    static final Map<String, Integer> ALERTS = Map.of(
        "close_notify", 0, "user_canceled", 90, "internal_error", 80, "handshake_failure", 40, "protocol_version", 70,
        "certificate_required", 116, "bad_certificate", 42, "unknown_ca", 48, "decode_error", 50, "unexpected_message", 10);

    final Map<String, String> plan = new HashMap<>(Map.of("script", "handshake,close"));
    SSLContext context;
    ServerSocket listener;
    long primed;      // when the session began that the first connection left

    // Of the connection that is played.
    Socket wire;
    Watched watched;
    SSLSocket tls;
    Thread other;     // a handshake that was left
    boolean handshake, resumed;
    String version, suite, peer, end, said, did;
    long in, out, digest;

    /** Tells when JSSE begins to read: its first flight has left then. It reads nothing before it has said more, or closed. */
    static final class Watched extends Socket {
        final Socket under;
        final CountDownLatch reads = new CountDownLatch(1), spoke = new CountDownLatch(1);

        Watched(Socket under) {
            this.under = under;
        }

        @Override public InputStream getInputStream() throws IOException {
            return new FilterInputStream(under.getInputStream()) {
                @Override public int read(byte[] to, int at, int room) throws IOException {
                    reads.countDown();
                    try {
                        spoke.await();
                    } catch (InterruptedException stop) {
                        throw new IOException(stop);
                    }
                    return super.read(to, at, room);
                }
            };
        }

        @Override public OutputStream getOutputStream() throws IOException {
            return new FilterOutputStream(under.getOutputStream()) {
                @Override public void write(byte[] from, int at, int length) throws IOException {
                    out.write(from, at, length);
                    if (reads.getCount() == 0)
                        spoke.countDown();
                }
            };
        }

        @Override public void close() throws IOException {
            under.close();
            spoke.countDown();
        }

        @Override public boolean isConnected() {
            return true;
        }

        @Override public InetAddress getInetAddress() {
            return under.getInetAddress();
        }
    }

    /** The handshake in a thread of its own, as far as it comes without an answer. */
    boolean hello() throws InterruptedException {
        other = new Thread(() -> {
            try {
                tls.startHandshake();
                ended("error", "the handshake was completed");
            } catch (IOException expected) {
                return;
            }
        });
        other.start();
        return watched.reads.await(LIMIT_MS, TimeUnit.MILLISECONDS);
    }

    // ------------------------------------------------------------------------------------------ reporting

    static void put(String line) {
        System.out.println(line);
        System.out.flush();
    }

    static String quote(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replace('\n', ' ') + '"';
    }

    void report() {
        put("{\"handshake\":" + handshake + ",\"resumed\":" + resumed + ",\"version\":" + quote(version)
            + ",\"suite\":" + quote(suite) + ",\"peer\":" + quote(peer) + ",\"group\":\"\""
            + ",\"in\":" + in + ",\"digest\":\"" + String.format("%016x", digest) + "\",\"out\":" + out
            + ",\"end\":" + quote(end) + ",\"said\":" + quote(said) + ",\"did\":" + quote(did) + "}");
    }

    void clear() {
        handshake = resumed = false;
        version = suite = peer = said = did = "";
        end = "none";
        in = out = 0;
        digest = 0xcbf29ce484222325L;
    }

    void ended(String how, String words) {
        if (end.equals("none")) {
            end = how;
            said = words;
        }
    }

    static final String RECEIVED = "Received fatal alert: ";

    /** An alert's number is not public: its name is, in the message. */
    boolean stopped(String call, Exception error) {
        final String message = Objects.toString(error.getMessage(), "");
        final String words = call + ": " + error.getClass().getSimpleName() + ": " + message;
        final int alert = message.indexOf(RECEIVED);   // later releases put the name before it, too
        if (error instanceof SocketTimeoutException) {
            ended("timeout", words);
        } else if (alert >= 0) {
            ended("alert:" + Objects.toString(ALERTS.get(message.substring(alert + RECEIVED.length())), "other"), words);
        } else if (error instanceof EOFException || error.getCause() instanceof EOFException
                   || message.contains("peer shut down incorrectly") || message.contains("terminated the handshake")) {
            ended("eof", words);
        } else if (message.contains("onnection reset") || message.contains("Broken pipe")) {
            ended("reset", words);
        } else {
            ended("error", words);
        }
        return false;
    }

    // ------------------------------------------------------------------------------------------ setting up

    static byte[] pem(String file) throws IOException {
        final StringBuilder text = new StringBuilder();
        for (String line : Files.readAllLines(Path.of(file)))
            if (!line.startsWith("-----"))
                text.append(line);
        return Base64.getDecoder().decode(text.toString());
    }

    static PrivateKey key(String file) throws Exception {
        for (String kind : List.of("EC", "EdDSA", "RSA", "RSASSA-PSS")) {
            try {
                return KeyFactory.getInstance(kind).generatePrivate(new PKCS8EncodedKeySpec(pem(file)));
            } catch (InvalidKeySpecException another) {
                continue;
            }
        }
        throw new GeneralSecurityException("a key of a kind that is not known");
    }

    static Certificate certificate(String file) throws Exception {
        try (InputStream stream = Files.newInputStream(Path.of(file))) {
            return CertificateFactory.getInstance("X.509").generateCertificate(stream);
        }
    }

    TrustManager[] authority() throws Exception {
        if (!plan.containsKey("ca"))
            return null;
        final TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        final KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        store.setCertificateEntry("authority", certificate(plan.get("ca")));
        trust.init(store);
        return trust.getTrustManagers();
    }

    KeyManager[] identity() throws Exception {
        if (!plan.containsKey("cert"))
            return null;
        final KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        final KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        final char[] none = new char[0];
        store.load(null, null);
        store.setKeyEntry("leaf", key(plan.get("key")), none, new Certificate[] { certificate(plan.get("cert")) });
        keys.init(store, none);
        return keys.getKeyManagers();
    }

    void prepare() throws Exception {
        context = SSLContext.getInstance("TLSv1.3");
        context.init(identity(), authority(), null);
    }

    SSLParameters parameters(boolean client) {
        final SSLParameters parameters = tls.getSSLParameters();
        final String versions = plan.getOrDefault("version", "1.2:1.3");
        parameters.setProtocols(Stream.of(versions.split(":")).map(number -> "TLSv" + number).toArray(String[]::new));
        if (plan.containsKey("suite"))
            parameters.setCipherSuites(plan.get("suite").split(":"));
        if (client) {
            parameters.setServerNames(List.of(new SNIHostName(plan.get("name"))));
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
        } else if (plan.containsKey("ask")) {
            parameters.setWantClientAuth(true);
            if (plan.get("ask").equals("require"))
                parameters.setNeedClientAuth(true);
        }
        return parameters;
    }

    void open(boolean watch) throws Exception {
        final boolean client = plan.get("role").equals("client");
        if (client) {
            wire = new Socket();
            wire.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(plan.get("port"))), LIMIT_MS);
        } else {
            wire = listener.accept();
        }
        wire.setTcpNoDelay(true);
        wire.setSoTimeout(LIMIT_MS);
        watched = watch ? new Watched(wire) : null;
        tls = (SSLSocket) context.getSocketFactory().createSocket(watch ? watched : wire, client ? plan.get("name") : null,
                                                                  wire.getPort(), true);
        tls.setUseClientMode(client);
        tls.setSSLParameters(parameters(client));
    }

    // ------------------------------------------------------------------------------------------ the script

    boolean write(long count) throws IOException {
        final byte[] block = new byte[4096];
        while (count > 0) {
            final int length = (int) Math.min(count, block.length);
            for (int i = 0; i < length; i++)
                block[i] = (byte) ((out + i) * 31 + ((out + i) >> 8));
            tls.getOutputStream().write(block, 0, length);
            out += length;
            count -= length;
        }
        return true;
    }

    boolean read(long count) throws IOException {
        final byte[] block = new byte[4096];
        while (count > 0) {
            final int got = tls.getInputStream().read(block, 0, (int) Math.min(count, block.length));
            if (got < 0) {
                ended("close_notify", "read: -1");
                return false;
            }
            for (int i = 0; i < got; i++)
                digest = (digest ^ (block[i] & 0xff)) * 0x100000001b3L;
            in += got;
            count -= got;
        }
        return true;
    }

    /** The common name of who showed a certificate. */
    String shown() {
        try {
            return tls.getSession().getPeerPrincipal().getName().replaceFirst("CN=", "");
        } catch (SSLPeerUnverifiedException none) {
            return "none";
        }
    }

    boolean shake() throws IOException {
        tls.startHandshake();
        handshake = true;
        version = tls.getSession().getProtocol().substring(4);
        suite = tls.getSession().getCipherSuite();
        peer = shown();
        resumed = primed != 0 && tls.getSession().getCreationTime() == primed;
        return true;
    }

    boolean act(String name, long count) throws Exception {
        switch (name) {
        case "handshake":
            return shake();
        case "hello":
            return hello();
        case "update":   // what a second handshake is in TLS 1.3
            tls.startHandshake();
            return true;
        case "write":
            return write(count);
        case "read":
            return read(count);
        case "drain":
            read(Long.MAX_VALUE);
            return true;
        case "end":
            tls.shutdownOutput();
            return true;
        case "signal":
            put("{\"signal\":true}");
            return true;
        case "await":
            return LINES.readLine() != null;
        case "fin":
            wire.shutdownOutput();
            return true;
        case "linger":
            wire.shutdownOutput();
            wire.getInputStream().transferTo(OutputStream.nullOutputStream());
            return true;
        case "close":
            tls.close();
            return true;
        case "reset":
            wire.setSoLinger(true, 0);
            wire.close();
            return true;
        case "drop":
            wire.close();
            return true;
        default:
            ended("error", "JSSE has no call for " + name);
            return false;
        }
    }

    void play(String script) throws Exception {
        boolean fine = true;
        for (String action : script.split(",")) {
            final String[] parts = action.split(":");
            if (!fine && !List.of("linger", "close", "drop", "reset").contains(action))
                continue;
            did = action;
            try {
                fine = act(parts[0], parts.length > 1 ? Long.parseLong(parts[1]) : 0) && fine;
            } catch (Exception error) {
                fine = stopped(parts[0], error);
            }
        }
        wire.close();
        if (other == null)
            return;
        watched.spoke.countDown();
        other.join();
    }

    /** A session is known by the moment it began: the next one must not begin in the same millisecond. */
    void prime() throws Exception {
        clear();
        open(false);
        play(plan.get("role").equals("client") ? "handshake,write:1,read:1,end,drain,close"
                                               : "handshake,read:1,write:1,drain,close");
        primed = tls.getSession().getCreationTime();
        while (System.currentTimeMillis() <= primed + 1)
            Thread.onSpinWait();
    }

    void run(String[] words) throws IOException {
        for (String word : words)
            if (word.contains("="))
                plan.put(word.substring(0, word.indexOf('=')), word.substring(word.indexOf('=') + 1));
        if (plan.getOrDefault("role", "").equals("version")) {
            put("{\"library\":" + quote(System.getProperty("java.version")) + "}");
            return;
        }
        clear();
        try {
            prepare();
        } catch (Exception error) {
            ended("unable", error.getMessage());
            report();
            return;
        }
        try {
            if (plan.get("role").equals("server")) {
                listener = new ServerSocket(0, 8, InetAddress.getLoopbackAddress());
                listener.setSoTimeout(LIMIT_MS);
                put("{\"port\":" + listener.getLocalPort() + "}");
            }
            if (plan.getOrDefault("prime", "0").equals("1"))
                prime();
            clear();
            open(plan.get("script").startsWith("hello"));
            play(plan.get("script"));
        } catch (Exception error) {
            stopped("setting up", error);
        }
        if (listener != null)
            listener.close();
        report();
    }

    public static void main(String[] arguments) throws IOException {
        if (arguments.length > 0) {
            new PeerJsse().run(arguments);
            return;
        }
        for (String line = LINES.readLine(); line != null; line = LINES.readLine())
            new PeerJsse().run(line.trim().split(" +"));
    }
}
