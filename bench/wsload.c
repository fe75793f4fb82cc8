/* wsload.c - a load generator for chat over wss (C, OpenSSL 3, epoll, one thread), for Linux.
 *
 * build: gcc -O2 -Wall -o wsload wsload.c -lssl -lcrypto
 *
 * Opens N TLS 1.3 WebSocket connections to 127.0.0.1:PORT and lets S of them send messages of SIZE bytes, each with
 * a marker "~T<19 digits of CLOCK_MONOTONIC ns>~<sender>.<number>~". Every marker that arrives on any connection is one
 * delivery; its latency is now - the marker's time. Markers are searched in the payload of each complete frame.
 *
 * -m idle     open N, hold for -t seconds (memory)
 * -m rate     open loop: -r messages a second over all senders, for -t seconds
 * -m closed   closed loop: each sender has -w messages outstanding (it waits for its own echo)
 * -m listen   send nothing: each -D STRING in a frame is one delivery, and all connections are to get the same of them.
 *             It begins and ends while nothing comes; the latency is since the first connection that got this one
 * -m connect  open N connections with -c concurrently under way; print the rate, then exit
 * -P PID[,PID...]  server processes whose CPU time (all threads) is read around the run
 *
 * -o ws: every connection is in the one room by connecting. -o json: a server with JSON text frames (Parlour), then:
 *   -A FILE    one bearer token per line, line i for connection i: "Authorization: Bearer <token>" in the handshake
 *   -L PROTO   Sec-WebSocket-Protocol to offer; a 101 that does not select it counts as refused
 *   -R PATH    request path
 *   -J FILE    frames that each connection sends after the handshake, one per line, "FRAME<TAB>SUBSTRING": the next one
 *              goes out after a frame with SUBSTRING has come (no TAB: at once; no FRAME: only wait). @N@ = number of the connection, @G@ = that
 *              divided by -G
 *   -M FILE    the messages, JSON lines with @TEXT@ once (marker and padding up to -z bytes for the whole frame) and @ID@
 *              (21 hex digits, unique); connection i uses line i modulo the number of lines
 *   -B         markers are "_T<19 digits>_<sender>-<number>_": all of them letters that base64url has
 *   Markers older than the first send of this run (history) are not deliveries: "stale". Each connection checks that each
 *   sender's messages come once and in order: "dup_or_late", "gaps"; "order_differs" counts the connections that saw another
 *   order than most. "errors" counts frames with "error" in them, "acks" answers with an id of ours.
 *
 * Output: one JSON object on stdout.
 */
#define _GNU_SOURCE
#include <openssl/ssl.h>
#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/resource.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <unistd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <errno.h>
#include <time.h>

typedef struct { const char *send; int bin; int len; const char *wait; } step_t;

enum { ST_NEW, ST_TCP, ST_TLS, ST_HTTP, ST_SCRIPT, ST_READY, ST_DEAD };

typedef struct conn {
    int fd, idx, state, step, want_write, outstanding;
    SSL *ssl;
    uint8_t *carry; size_t carry_len, carry_cap;   /* bytes of an incomplete frame */
    uint8_t *out; size_t out_len, out_cap;         /* plaintext not yet accepted by SSL_write */
    uint64_t t_start;
    uint64_t delivered;
    uint32_t n_sent, *seen;                        /* json: messages sent; the last number seen from each sender */
    uint64_t order;                                /* json: a hash of the sequence of messages seen */
    uint64_t heard;                                /* listen: deliveries since the measured part began */
} conn_t;

static int N = 100, S = 4, W = 1, C = 64, PORT = 8443, SIZE = 200, quiet = 0, deflate_ = 0;
static double RATE = 100, T = 5, WARM = 1.0;
static const char *PROTO = "ws", *MODE = "closed", *ROOM = "r1", *PIDS = "", *PATH_ = NULL, *HOST = "localhost";
static const char *const *templates; static int n_templates;
static const char *OPT_R = NULL, *AUTH = NULL, *SUBPROTO = NULL, *JOINS = NULL, *TEMPLATE = NULL;
static int json_, acked_only, b64url, G = 1;
static const char *COUNTED = NULL;                 /* listen: what a delivery has in it */
#define LISTEN_MAX 100000
#define QUIET_NS 80000000ull
static uint64_t *first_at, n_first, last_at;       /* listen: when the first connection got each; when the last frame came */
static char **tokens; static int n_tokens;
static struct { char *frame, *wait; } *joins; static int n_joins;
static SSL_CTX *ctx;
static int ep;
static conn_t *conns;
static int n_ready, n_opened, n_dead;
static uint64_t deliveries, sent, frames_in, bytes_in, reads;
static int measuring;
/* latency: log-ish histogram, 10 us buckets up to 20 s */
#define HB 2000000
static uint32_t *hist;
static uint64_t lat_max;
static uint64_t hs_total_ns;
static uint64_t t_first = UINT64_MAX, stale, dups, gaps, errors, acks, shown;   /* t_first: when this run's first message went out */
static int refused, refused_status;
static uint32_t nonce;

static uint64_t now_ns(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000ull + t.tv_nsec; }
static void die(const char *m) { perror(m); ERR_print_errors_fp(stderr); exit(1); }

static double server_cpu(void) {
    double tot = 0; char *s = strdup(PIDS), *p, *sv = NULL;
    for (p = strtok_r(s, ",", &sv); p; p = strtok_r(NULL, ",", &sv)) {
        clockid_t clk; struct timespec ts;   /* nanoseconds, exited threads included; /proc/PID/stat has 10 ms ticks */
        if (!clock_getcpuclockid(atoi(p), &clk) && !clock_gettime(clk, &ts)) { tot += ts.tv_sec + ts.tv_nsec / 1e9; continue; }
        char path[64], buf[2048]; snprintf(path, sizeof path, "/proc/%s/stat", p);
        FILE *f = fopen(path, "r"); if (!f) continue;
        size_t k = fread(buf, 1, sizeof buf - 1, f); buf[k] = 0; fclose(f);
        char *q = strrchr(buf, ')'); if (!q) continue;
        unsigned long ut = 0, st = 0;
        sscanf(q + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &ut, &st);
        tot += (double)(ut + st) / sysconf(_SC_CLK_TCK);
    }
    free(s); return tot;
}
static double server_rss_kb(void) {
    double tot = 0; char *s = strdup(PIDS), *p, *sv = NULL;
    for (p = strtok_r(s, ",", &sv); p; p = strtok_r(NULL, ",", &sv)) {
        char path[64], line[256]; snprintf(path, sizeof path, "/proc/%s/status", p);
        FILE *f = fopen(path, "r"); if (!f) continue;
        while (fgets(line, sizeof line, f)) if (!strncmp(line, "VmRSS:", 6)) tot += atof(line + 6);
        fclose(f);
    }
    free(s); return tot;
}
static double self_cpu(void) { struct rusage r; getrusage(RUSAGE_SELF, &r);
    return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6; }

/* ---------- protocol scripts ---------- */
static uint8_t scratch[70000];
/* s with each `what` replaced by `with`, malloc'ed */
static char *replaced(const char *s, const char *what, const char *with) {
    size_t a = strlen(what), b = strlen(with), n = 0; const char *q; char *o, *w;
    for (q = s; (q = strstr(q, what)); q += a) n++;
    o = w = malloc(strlen(s) + n * b + 1);
    while ((q = strstr(s, what))) { memcpy(w, s, q - s); w += q - s; memcpy(w, with, b); w += b; s = q + a; }
    strcpy(w, s); return o;
}
static size_t json_script(conn_t *c, int step, uint8_t *o, const char **wait, int *waitlen) {
    static char waits[1024]; char num[16]; *wait = NULL; *waitlen = 0;
    if (step >= n_joins) return 0;
    char group[16]; snprintf(num, sizeof num, "%d", c->idx); snprintf(group, sizeof group, "%d", c->idx / G);
    char *g = replaced(joins[step].frame, "@G@", group), *f = replaced(g, "@N@", num); size_t n = strlen(f); memcpy(o, f, n); free(f); free(g);
    if (joins[step].wait) { f = replaced(joins[step].wait, "@N@", num); snprintf(waits, sizeof waits, "%s", f); free(f); *wait = waits; *waitlen = strlen(waits); }
    return n;
}
static size_t json_message(conn_t *c, uint8_t *o) {
    char id[32], uuid[48], text[66000]; uint32_t k = ++c->n_sent; unsigned long long t = now_ns();
    snprintf(id, sizeof id, "%08x%05x%08x", nonce, c->idx, k);
    snprintf(uuid, sizeof uuid, "%08x-%04x-4%03x-8%03x-%04x%08x", nonce, c->idx >> 4 & 0xffff, c->idx & 0xf, k >> 28, k >> 12 & 0xffff, k);
    if (t_first == UINT64_MAX) t_first = t;
    int l = snprintf(text, sizeof text, b64url ? "_T%019llu_%d-%u_" : "~T%019llu~%d.%u~", t, c->idx, k); size_t fixed = 0, n = 0; const char *p, *template = templates[c->idx % n_templates];
    for (p = template; *p;) {                            /* the length without the text, then the same walk again to write */
        if (!strncmp(p, "@ID@", 4)) fixed += 21, p += 4; else if (!strncmp(p, "@UUID@", 6)) fixed += 36, p += 6; else if (!strncmp(p, "@TEXT@", 6)) p += 6; else fixed++, p++; }
    int padn = SIZE - (int)fixed - l; if (padn > 0) { memset(text + l, 'x', padn); l += padn; }
    for (p = template; *p;) {
        if (!strncmp(p, "@ID@", 4)) memcpy(o + n, id, 21), n += 21, p += 4; else if (!strncmp(p, "@UUID@", 6)) memcpy(o + n, uuid, 36), n += 36, p += 6;
        else if (!strncmp(p, "@TEXT@", 6)) memcpy(o + n, text, l), n += l, p += 6; else o[n++] = *p++; }
    return n;
}
/* has it "error" as a value, or as a key whose value isn't null? (In a quoted text the quotes would be escaped.) */
static int is_error(const uint8_t *p, size_t n) {
    const uint8_t *q = memmem(p, n, "\"error\"", 7), *end = p + n; if (!q) return 0;
    for (q += 7; q < end && (*q == ' ' || *q == ':'); q++) {}
    return end - q < 4 || memcmp(q, "null", 4);
}
static void show(const char *what, conn_t *c, const uint8_t *p, size_t n) { if (!quiet && shown++ < 3) fprintf(stderr, "conn %d: %s: %.*s\n", c->idx, what, (int)(n > 300 ? 300 : n), p); }
/* the payload to send at script step `step`; *wait gets the string to wait for afterwards (NULL: nothing). 0 = script done */
static size_t script(conn_t *c, int step, uint8_t *o, int *bin, const char **wait, int *waitlen) {
    *bin = 0; *wait = NULL; *waitlen = 0;
#define WAIT(s) do { *wait = s; *waitlen = sizeof(s) - 1; } while (0)
    if (!strcmp(PROTO, "ws")) return 0;                        /* in the room by connecting */
    if (json_) return json_script(c, step, o, wait, waitlen);
    return 0;
}
static size_t message(conn_t *c, uint8_t *o, int *bin) {
    static char pad[65536]; static int init; if (!init) { memset(pad, 'x', sizeof pad); init = 1; }
    if (json_) { *bin = 0; return json_message(c, o); }
    static uint64_t seq; char body[66000]; unsigned long long t = now_ns(); *bin = 0; seq++; if (t_first == UINT64_MAX) t_first = t;
    int l = snprintf(body, sizeof body, "{\"type\":\"msg\",\"room\":\"%s\",\"id\":%llu,\"from\":\"user-%d\",\"ts\":\"~T%019llu~\",\"body\":\"", ROOM, (unsigned long long)seq, c->idx, t);
    int padn = SIZE - l - 2; if (padn < 0) padn = 0; memcpy(body + l, pad, padn); l += padn; memcpy(body + l, "\"}", 3); l += 2;
    memcpy(o, body, l); return l;
}

/* ---------- io ---------- */
static void want(conn_t *c, int w) {
    if (c->want_write == w) return;
    c->want_write = w;
    struct epoll_event e = { .events = EPOLLIN | (w ? EPOLLOUT : 0), .data.ptr = c };
    epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e);
}
static void kill_conn(conn_t *c, const char *why) {
    if (c->state == ST_DEAD) return;
    if (!quiet && n_dead < 3) fprintf(stderr, "conn %d dead in state %d step %d: %s\n", c->idx, c->state, c->step, why);
    if (c->state == ST_READY) n_ready--;
    c->state = ST_DEAD; n_dead++; close(c->fd);
    ERR_clear_error();   /* else SSL_get_error() would report this connection's error on the next one */
}
static void flush_out(conn_t *c) {
    while (c->out_len) {
        int r = SSL_write(c->ssl, c->out, c->out_len);
        if (r > 0) { memmove(c->out, c->out + r, c->out_len - r); c->out_len -= r; continue; }
        int e = SSL_get_error(c->ssl, r);
        if (e == SSL_ERROR_WANT_WRITE) { want(c, 1); return; }
        if (e == SSL_ERROR_WANT_READ) return;
        kill_conn(c, "SSL_write"); return;
    }
    want(c, 0);
}
static void put(conn_t *c, const void *d, size_t n) {
    if (c->out_len + n > c->out_cap) { c->out_cap = (c->out_len + n) * 2; c->out = realloc(c->out, c->out_cap); }
    memcpy(c->out + c->out_len, d, n); c->out_len += n;
}
static void send_frame(conn_t *c, int op, const uint8_t *d, size_t n) {
    uint8_t h[14]; int k = 0; h[k++] = 0x80 | op;
    if (n < 126) h[k++] = 0x80 | n; else if (n < 65536) { h[k++] = 0x80 | 126; h[k++] = n >> 8; h[k++] = n; } else { h[k++] = 0x80 | 127; for (int i = 7; i >= 0; i--) h[k++] = (uint64_t)n >> (8 * i); }
    h[k++] = 0; h[k++] = 0; h[k++] = 0; h[k++] = 0;   /* mask 0: the payload travels as it is; the server still runs its unmasking */
    put(c, h, k); put(c, d, n); flush_out(c);
}
static void send_message(conn_t *c) { int bin; size_t n = message(c, scratch, &bin); c->outstanding++; sent++; send_frame(c, bin ? 2 : 1, scratch, n); }
static void advance(conn_t *c, const uint8_t *p, size_t n);
static void run_step(conn_t *c) {
    for (;;) {
        int bin = 0, wl; const char *w; size_t n;
        n = script(c, c->step, scratch, &bin, &w, &wl);
        if (!n && !w) { c->state = ST_READY; n_ready++; hs_total_ns += now_ns() - c->t_start; return; }
        c->state = ST_SCRIPT; if (n) send_frame(c, bin ? 2 : 1, scratch, n);
        if (c->state == ST_DEAD) return;
        if (w) return;
        c->step++;
    }
}
static void advance(conn_t *c, const uint8_t *p, size_t n) {
    static uint8_t dummy[70000]; int bin, wl; const char *w;
    script(c, c->step, dummy, &bin, &w, &wl);
    if (json_ && is_error(p, n)) { errors++; show("refused", c, p, n); kill_conn(c, "error frame"); return; }
    if (w && memmem(p, n, w, wl)) { c->step++; run_step(c); }
}
static void answered(conn_t *c) { c->outstanding--; if (!strcmp(MODE, "closed") && measuring >= 0) send_message(c); }
static void json_payload(conn_t *c, const uint8_t *p, size_t n) {
    const uint8_t *q = p, *end = p + n; uint64_t now = 0; int found = 0; const char *mark = b64url ? "_T" : "~T";
    while (end - q >= 22 && (q = memmem(q, end - q, mark, 2)) && end - q >= 22) {
        if (q[21] != mark[0]) { q += 2; continue; }
        uint64_t t = 0; unsigned from = 0, k = 0; const uint8_t *e = q + 22;
        for (int i = 2; i < 21; i++) t = t * 10 + (q[i] - '0');
        while (e < end && *e >= '0' && *e <= '9') from = from * 10 + (*e++ - '0');
        if (e < end && *e == (b64url ? '-' : '.')) for (e++; e < end && *e >= '0' && *e <= '9'; e++) k = k * 10 + (*e - '0');
        q = e; found = 1;
        if (t < t_first) { stale++; continue; }
        deliveries++; c->delivered++;
        if (measuring) { if (!now) now = now_ns(); uint64_t d = now > t ? now - t : 0; if (d > lat_max) lat_max = d; d /= 10000; hist[d < HB ? d : HB - 1]++; }
        if (from >= (unsigned)S || !k) continue;
        c->order = (c->order ^ ((uint64_t)from << 32 | k)) * 0x9E3779B97F4A7C15ull;
        if (!c->seen) c->seen = calloc(S, sizeof *c->seen);
        if (k <= c->seen[from]) dups++; else { gaps += k - c->seen[from] - 1; c->seen[from] = k; }
        if (from == (unsigned)c->idx && !acked_only) { answered(c); if (c->state == ST_DEAD) return; }
    }
    if (found && !acked_only) return;
    if (!found && is_error(p, n)) { errors++; show("error", c, p, n); return; }
    if (c->idx < S) {                                    /* answers to our own messages carry the id that we gave */
        char me[16]; int ml = snprintf(me, sizeof me, "%08x%05x", nonce, c->idx);
        for (q = p; (q = memmem(q, end - q, me, ml)); q += ml) { acks++; if (acked_only) { answered(c); if (c->state == ST_DEAD) return; } }
    }
}
static void listened(conn_t *c, const uint8_t *p, size_t n) {
    const uint8_t *q = p, *end = p + n; size_t l = strlen(COUNTED); uint64_t now = now_ns();
    while ((q = memmem(q, end - q, COUNTED, l))) {
        q += l; last_at = now;
        if (measuring <= 0 || c->heard >= LISTEN_MAX) continue;
        uint64_t k = c->heard++; deliveries++;
        if (k == n_first) first_at[n_first++] = now;
        uint64_t d = now - first_at[k]; if (d > lat_max) lat_max = d; d /= 10000; hist[d < HB ? d : HB - 1]++;
    }
}
static void payload(conn_t *c, int op, const uint8_t *p, size_t n) {
    if (op == 9) { uint8_t t[128]; memcpy(t, p, n > 125 ? 125 : n); send_frame(c, 10, t, n); return; }
    if (op == 8) { char why[160]; snprintf(why, sizeof why, "close frame %d %.*s", n >= 2 ? p[0] << 8 | p[1] : 0, n > 2 ? (int)n - 2 : 0, n > 2 ? (const char *)p + 2 : ""); kill_conn(c, why); return; }
    if (op == 10) return;
    frames_in++;
    if (c->state == ST_SCRIPT) { advance(c, p, n); return; }
    const uint8_t *q = p, *end = p + n; uint64_t now = 0;
    if (COUNTED) { listened(c, p, n); return; }
    if (json_) { json_payload(c, p, n); return; }
    while (end - q >= 22 && (q = memmem(q, end - q, "~T", 2))) {
        if (end - q < 22) break;
        if (q[21] == '~') {
            uint64_t t = 0; for (int i = 2; i < 21; i++) t = t * 10 + (q[i] - '0');
            if (t < t_first) { stale++; q += 22; continue; }
            deliveries++; c->delivered++;
            if (measuring) { if (!now) now = now_ns(); uint64_t d = now > t ? now - t : 0; if (d > lat_max) lat_max = d; d /= 10000; hist[d < HB ? d : HB - 1]++; }
            if (c->idx < S) {  /* a sender: is it our own echo? */
                char me[24]; int ml = sprintf(me, "user-%d", c->idx); 
                const uint8_t *from = q - p > ml + 64 ? q - ml - 64 : p;
                const uint8_t *f = memmem(from, q - from, me, ml);
                if (f && (f[ml] < '0' || f[ml] > '9')) { c->outstanding--; if (!strcmp(MODE, "closed") && measuring >= 0) send_message(c); if (c->state == ST_DEAD) return; }
            }
            q += 22;
        } else q += 2;
    }
}
static void readable(conn_t *c) {
    static uint8_t buf[1 << 18];
    for (;;) {
        size_t have = c->carry_len; if (have) { memcpy(buf, c->carry, have); }
        int r = SSL_read(c->ssl, buf + have, 65536); reads++;
        if (r <= 0) {
            int e = SSL_get_error(c->ssl, r);
            if (e == SSL_ERROR_WANT_READ) return;
            if (e == SSL_ERROR_WANT_WRITE) { want(c, 1); return; }
            kill_conn(c, e == SSL_ERROR_ZERO_RETURN ? "eof" : "SSL_read"); return;
        }
        bytes_in += r; c->carry_len = 0;
        uint8_t *p = buf, *end = buf + have + r;
        if (c->state == ST_HTTP) {
            uint8_t *h = memmem(p, end - p, "\r\n\r\n", 4);
            if (!h) goto keep;
            if (!memmem(p, h - p, " 101", 4)) { if (!refused++) refused_status = h - p > 12 ? atoi((char *)p + 9) : 0; if (!quiet && n_dead < 1) fwrite(p, 1, end - p, stderr); kill_conn(c, "no 101"); return; }
            if (SUBPROTO) { *h = 0; char *v = strcasestr((char *)p, "\r\nsec-websocket-protocol:"); if (v) for (v += 25; *v == ' '; v++) {}
                if (!v || strncmp(v, SUBPROTO, strlen(SUBPROTO)) || (v[strlen(SUBPROTO)] != '\r' && v[strlen(SUBPROTO)])) { refused++; kill_conn(c, "subprotocol not selected"); return; } }
            p = h + 4; c->step = 0; run_step(c); if (c->state == ST_DEAD) return;
        }
        while (end - p >= 2) {
            int op = p[0] & 15; uint64_t n = p[1] & 127; int hl = 2;
            if (n == 126) { if (end - p < 4) break; n = p[2] << 8 | p[3]; hl = 4; }
            else if (n == 127) { if (end - p < 10) break; n = 0; for (int i = 0; i < 8; i++) n = n << 8 | p[2 + i]; hl = 10; }
            if ((uint64_t)(end - p) < hl + n) break;
            payload(c, op, p + hl, n); if (c->state == ST_DEAD) return;
            p += hl + n;
        }
    keep:
        if (p < end) { size_t k = end - p; if (k > c->carry_cap) { if (k > 180000) { kill_conn(c, "frame too big"); return; } c->carry_cap = k + 256; c->carry = realloc(c->carry, c->carry_cap); } memcpy(c->carry, p, k); c->carry_len = k; }
        if (!SSL_has_pending(c->ssl)) return;   /* level-triggered: come back if more arrives (read_ahead may hold whole records) */
    }
}
static void handshake(conn_t *c) {
    int r = SSL_do_handshake(c->ssl);
    if (r == 1) {
        char req[4096], auth[2200] = "", own[200]; if (AUTH) snprintf(auth, sizeof auth, "Authorization: Bearer %s\r\n", tokens[c->idx]);
        if (SUBPROTO) snprintf(own, sizeof own, "Sec-WebSocket-Protocol: %s\r\n", SUBPROTO);
        const char *sub = SUBPROTO ? own : "";
        const char *path = PATH_ ? PATH_ : "/";
        int l = snprintf(req, sizeof req, "GET %s HTTP/1.1\r\nHost: localhost:%d\r\n%sUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s%s%s\r\n", path, PORT, json_ ? "" : "Origin: https://localhost\r\n", auth, sub, deflate_ ? "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" : "");
        c->state = ST_HTTP; want(c, 0); put(c, req, l); flush_out(c); return;
    }
    int e = SSL_get_error(c->ssl, r);
    if (e == SSL_ERROR_WANT_WRITE) want(c, 1); else if (e == SSL_ERROR_WANT_READ) want(c, 0); else kill_conn(c, "handshake");
}
static void open_conn(conn_t *c) {
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0); if (c->fd < 0) die("socket");
    int one = 1; setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(PORT) }; inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
    c->t_start = now_ns(); c->state = ST_TCP; c->want_write = 1;
    if (connect(c->fd, (void *)&a, sizeof a) < 0 && errno != EINPROGRESS) die("connect");
    struct epoll_event e = { .events = EPOLLIN | EPOLLOUT, .data.ptr = c }; epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e); n_opened++;
}
static void event(conn_t *c, uint32_t ev) {
    if (c->state == ST_DEAD) return;
    if (c->state == ST_TCP) {
        int err = 0; socklen_t l = sizeof err; getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &l); if (err) { kill_conn(c, strerror(err)); return; }
        c->ssl = SSL_new(ctx); SSL_set_fd(c->ssl, c->fd); SSL_set_connect_state(c->ssl); SSL_set_tlsext_host_name(c->ssl, HOST); c->state = ST_TLS;
        handshake(c); return;
    }
    if (c->state == ST_TLS) { handshake(c); return; }
    if (ev & EPOLLOUT) flush_out(c);
    if (c->state != ST_DEAD && (ev & (EPOLLIN | EPOLLHUP | EPOLLERR))) readable(c);
}
static void poll_until(uint64_t deadline) {
    static struct epoll_event evs[512];
    int64_t left = (int64_t)(deadline - now_ns()); int ms = left <= 0 ? 0 : (int)(left / 1000000);
    /* sub-millisecond waits by epoll_pwait2 */
    struct timespec ts = { left > 0 ? left / 1000000000 : 0, left > 0 ? left % 1000000000 : 0 };
    int k = epoll_pwait2(ep, evs, 512, &ts, NULL); (void)ms;
    for (int i = 0; i < k; i++) event(evs[i].data.ptr, evs[i].events);
}
static double pct(double q) { uint64_t tot = 0, acc = 0; for (int i = 0; i < HB; i++) tot += hist[i]; if (!tot) return -1; uint64_t t = (uint64_t)(q * (tot - 1)) + 1; for (int i = 0; i < HB; i++) { acc += hist[i]; if (acc >= t) return (i + 0.5) / 100.0; } return -1; }

static void quit(const char *m, const char *arg) { fprintf(stderr, "wsload: %s %s\n", m, arg); exit(2); }
/* the lines of a file that are not empty, without their ends */
static char **lines(const char *path, int *count) {
    FILE *f = fopen(path, "r"); if (!f) quit("cannot read", path);
    char **out = NULL, *l = NULL; size_t cap = 0; ssize_t k; *count = 0;
    while ((k = getline(&l, &cap, f)) >= 0) {
        while (k && (l[k - 1] == '\n' || l[k - 1] == '\r')) l[--k] = 0;
        if (!k) continue;
        if (k > 2000) quit("a line of more than 2,000 bytes in", path);
        out = realloc(out, (*count + 1) * sizeof *out); out[(*count)++] = strdup(l);
    }
    free(l); fclose(f); return out;
}
static void read_files(void) {
    json_ = !strcmp(PROTO, "json");
    if (OPT_R) PATH_ = OPT_R;
    if (SIZE > 65000) quit("-z is at most", "65000");
    if (AUTH) { tokens = lines(AUTH, &n_tokens); if (n_tokens < N) quit("fewer tokens than connections in", AUTH); }
    if (!json_) return;
    if (JOINS) {
        char **l = lines(JOINS, &n_joins); joins = calloc(n_joins + 1, sizeof *joins);
        for (int i = 0; i < n_joins; i++) { char *tab = strchr(l[i], '\t'); if (tab) *tab++ = 0; joins[i].frame = l[i]; joins[i].wait = tab && *tab ? tab : NULL; }
    }
    if (!strcmp(MODE, "listen")) { if (!COUNTED) quit("-m listen needs what it counts:", "-D STRING"); first_at = calloc(LISTEN_MAX, sizeof *first_at); }
    if (COUNTED) return;
    if (!TEMPLATE) quit("-o json needs the messages:", "-M FILE");
    templates = (const char *const *)lines(TEMPLATE, &n_templates);
    if (!n_templates) quit("no message in", TEMPLATE);
    for (int i = 0; i < n_templates; i++) { const char *t = strstr(templates[i], "@TEXT@"); if (!t || strstr(t + 6, "@TEXT@")) quit("a message must have @TEXT@ exactly once:", templates[i]); }
    nonce = (uint32_t)(now_ns() / 1000) ^ (uint32_t)getpid() << 20;
}

int main(int argc, char **argv) {
    int o;
    while ((o = getopt(argc, argv, "n:s:w:c:p:r:t:W:m:o:R:P:z:u:H:qEA:L:J:M:D:G:kB")) != -1) switch (o) {
        case 'D': COUNTED = optarg; break; case 'G': G = atoi(optarg) > 0 ? atoi(optarg) : 1; break;
        case 'A': AUTH = optarg; break; case 'L': SUBPROTO = optarg; break; case 'J': JOINS = optarg; break; case 'M': TEMPLATE = optarg; break; case 'k': acked_only = 1; break; case 'B': b64url = 1; break;
        case 'n': N = atoi(optarg); break; case 's': S = atoi(optarg); break; case 'w': W = atoi(optarg); break; case 'c': C = atoi(optarg); break;
        case 'p': PORT = atoi(optarg); break; case 'r': RATE = atof(optarg); break; case 't': T = atof(optarg); break; case 'W': WARM = atof(optarg); break;
        case 'm': MODE = optarg; break; case 'o': PROTO = optarg; break; case 'R': OPT_R = optarg; break; case 'P': PIDS = optarg; break; case 'z': SIZE = atoi(optarg); break;
        case 'u': PATH_ = optarg; break; case 'H': HOST = optarg; break; case 'q': quiet = 1; break; case 'E': deflate_ = 1; break; default: return 2; }
    if (S > N) S = N;
    read_files();
    struct rlimit rl; getrlimit(RLIMIT_NOFILE, &rl); rl.rlim_cur = rl.rlim_max; setrlimit(RLIMIT_NOFILE, &rl);
    hist = calloc(HB, sizeof *hist);
    ctx = SSL_CTX_new(TLS_client_method()); SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION); SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS); SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    ep = epoll_create1(0); conns = calloc(N, sizeof *conns);
    double rss0 = server_rss_kb(), cpu0 = server_cpu(), my0 = self_cpu(); uint64_t t0 = now_ns(), limit = t0 + 240ull * 1000000000;
    for (int i = 0; i < N; i++) { conns[i].idx = i; }
    while (n_ready + n_dead < N && now_ns() < limit) {
        while (n_opened < N && n_opened - n_ready - n_dead < C) open_conn(&conns[n_opened]);
        poll_until(now_ns() + 100000000);
    }
    double dt = (now_ns() - t0) / 1e9, cpuc = server_cpu() - cpu0;
    printf("{\"proto\":\"%s\",\"mode\":\"%s\",\"n\":%d,\"ready\":%d,\"dead\":%d,\"connect_s\":%.3f,\"connect_rate\":%.1f,\"connect_server_cpu\":%.2f,\"connect_per_cpu_s\":%.1f,\"connect_client_cpu\":%.2f", PROTO, MODE, N, n_ready, n_dead, dt, n_ready / dt, cpuc, cpuc > 0 ? n_ready / cpuc : 0, self_cpu() - my0);
    if (n_ready > 0) {
        SSL *s = NULL; for (int i = 0; i < N && !s; i++) if (conns[i].state == ST_READY) s = conns[i].ssl;
        if (s) printf(",\"tls\":\"%s %s\"", SSL_get_version(s), SSL_get_cipher_name(s));
    }
    if (refused) printf(",\"refused\":%d,\"refused_status\":%d", refused, refused_status);
    if (json_ && errors) printf(",\"join_errors\":%llu", (unsigned long long)errors);
    if (!strcmp(MODE, "connect")) { printf("}\n"); return 0; }
    /* let joins etc. settle */
    uint64_t tw = now_ns() + (uint64_t)(WARM * 1e9); while (now_ns() < tw) poll_until(tw);
    if (!strcmp(MODE, "idle")) {
        tw = now_ns() + (uint64_t)(T * 1e9); while (now_ns() < tw) poll_until(tw);
        double rss1 = server_rss_kb(); printf(",\"rss0_kb\":%.0f,\"rss1_kb\":%.0f,\"kb_per_conn\":%.2f}\n", rss0, rss1, (rss1 - rss0) / (n_ready ? n_ready : 1)); return 0;
    }
    int closed = !strcmp(MODE, "closed"), listening = !strcmp(MODE, "listen"), nxt = 0;
    /* one second of the same load to warm up, then the measured part */
    uint64_t period = closed || listening ? 0 : (uint64_t)(1e9 / RATE), next = now_ns();
    if (closed) for (int i = 0; i < S; i++) if (conns[i].state == ST_READY) for (int j = 0; j < W; j++) send_message(&conns[i]);
    uint64_t d0 = 0, s0 = 0, b0 = 0, r0 = 0, f0 = 0; double c0 = 0, m0 = 0; uint64_t ts = 0, stop = now_ns() + 1000000000ull; int phase = 0, drained = 0;
    for (;;) {
        uint64_t n = now_ns();
        if (listening && n >= stop && n - last_at < QUIET_NS && n - stop < 2000000000ull) { poll_until(n + 1000000); continue; }
        if (n >= stop) {
            if (phase == 0) { phase = 1; measuring = 1; d0 = deliveries; s0 = sent; b0 = bytes_in; r0 = reads; f0 = frames_in; c0 = server_cpu(); m0 = self_cpu(); ts = n; stop = n + (uint64_t)(T * 1e9); }
            else break;
        }
        if (!closed && !listening) while (next <= n) { conn_t *c = &conns[nxt++ % S]; if (c->state == ST_READY) send_message(c); next += period; }
        poll_until(closed || listening || stop < next ? stop : next);
    }
    double wall = (now_ns() - ts) / 1e9, sc = server_cpu() - c0, mc = self_cpu() - m0; uint64_t d = deliveries - d0, s = sent - s0;
    printf(",\"senders\":%d,\"window\":%d,\"offered_msgs_s\":%.1f,\"wall\":%.3f,\"sent\":%llu,\"deliveries\":%llu,\"expected\":%llu,\"deliv_per_s\":%.0f,\"server_cpu\":%.2f,\"server_util\":%.3f,\"deliv_per_cpu_s\":%.0f,\"us_per_deliv\":%.3f,\"client_cpu\":%.2f,\"client_util\":%.3f,\"client_us_per_deliv\":%.3f,\"p50_ms\":%.3f,\"p90_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"bytes_per_deliv\":%.1f,\"reads_per_deliv\":%.3f,\"deliv_per_frame\":%.2f",
        listening ? 0 : S, closed ? W : 0, closed || listening ? 0 : RATE, wall, (unsigned long long)s, (unsigned long long)d, (unsigned long long)(s * (uint64_t)(n_ready - acked_only)), d / wall, sc, sc / wall, sc > 0 ? d / sc : 0, d ? sc / d * 1e6 : 0, mc, mc / wall, d ? mc / d * 1e6 : 0,
        pct(.5), pct(.9), pct(.99), lat_max / 1e6, d ? (double)(bytes_in - b0) / d : 0, d ? (double)(reads - r0) / d : 0, frames_in > f0 ? (double)d / (frames_in - f0) : 0);
    if (listening) {
        uint64_t lost = 0; for (int i = 0; i < N; i++) lost += n_first - conns[i].heard;   /* of one that died as well */
        printf(",\"lost\":%llu,\"errors\":%llu,\"dead_end\":%d,\"rss_kb\":%.0f}\n", (unsigned long long)lost, (unsigned long long)errors, n_dead, server_rss_kb()); return 0;
    }
    measuring = -1; uint64_t dl = now_ns() + 10000000000ull; uint64_t last = deliveries; tw = now_ns() + 500000000;
    while (now_ns() < dl) { poll_until(tw); if (now_ns() >= tw) { if (deliveries == last) break; last = deliveries; tw = now_ns() + 500000000; } }
    int differ = 0; conn_t *most = NULL;             /* the majority's order, if there is one (Boyer-Moore) */
    for (int i = 0, votes = 0; i < N; i++) if (conns[i].state == ST_READY) { if (!votes) most = &conns[i]; votes += conns[i].order == most->order ? 1 : -1; }
    for (int i = 0; i < N; i++) if (conns[i].state == ST_READY && conns[i].order != most->order) differ++;
    if (json_) printf(",\"order_differs\":%d", differ);
    if (json_) printf(",\"dup_or_late\":%llu,\"gaps\":%llu,\"errors\":%llu,\"acks\":%llu", (unsigned long long)dups, (unsigned long long)gaps, (unsigned long long)errors, (unsigned long long)acks);
    if (stale) printf(",\"stale\":%llu", (unsigned long long)stale);
    drained = 1; (void)drained; printf(",\"total_sent\":%llu,\"total_deliveries\":%llu,\"lost\":%lld,\"dead_end\":%d,\"rss_kb\":%.0f}\n", (unsigned long long)sent, (unsigned long long)deliveries, (long long)(sent * (uint64_t)(N - acked_only)) - (long long)deliveries, n_dead, server_rss_kb());
    return 0;
}
