/* The files of a web client: see static_files.h. */
#include "gateway/pages/static_files.h"

#include "common/alloc.h"
#include "common/hash.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TAG_BYTES = 12, TAG_SIZE = 2 * TAG_BYTES + 1, QUOTED_SIZE = TAG_SIZE + 5, DATE_SIZE = 40 };

static const char INDEX[] = "/index.html";
static const char GZ[] = ".gz";

struct file {
    struct blob *bytes;
    struct blob *gzip; /* the same compressed; NULL: not there */
    time_t modified;
    const char *content_type;
    char tag[TAG_SIZE]; /* of the bytes, without quotes */
    UT_hash_handle hh;
    char path[];
};

struct static_files {
    struct file *by_path;
    size_t bytes;
};

/* --- the table --- */

static const char *content_type_of(const char *path)
{
    static const struct {
        const char *extension, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".json", "application/json"},
        {".map", "application/json"},
        {".webmanifest", "application/manifest+json"},
        {".txt", "text/plain; charset=utf-8"},
        {".xml", "application/xml"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".jpeg", "image/jpeg"},
        {".gif", "image/gif"},
        {".webp", "image/webp"},
        {".avif", "image/avif"},
        {".ico", "image/x-icon"},
        {".woff", "font/woff"},
        {".woff2", "font/woff2"},
        {".ttf", "font/ttf"},
        {".wasm", "application/wasm"},
        {".pdf", "application/pdf"},
        {".gz", "application/gzip"},
    };
    const char *extension = strrchr(path, '.');

    for (size_t i = 0; extension && i < sizeof types / sizeof *types; i++)
        if (!strcasecmp(extension, types[i].extension))
            return types[i].type;
    return "application/octet-stream";
}

static void make_tag(const struct blob *bytes, char tag[TAG_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];

    if (!EVP_Digest(bytes->data, bytes->len, digest, NULL, EVP_sha256(), NULL))
        abort();
    for (size_t i = 0; i < TAG_BYTES; i++)
        snprintf(tag + 2 * i, 3, "%02x", digest[i]);
}

static struct file *find(const struct static_files *files, const char *path)
{
    struct file *file;

    HASH_FIND_STR(files->by_path, path, file);
    return file;
}

struct static_files *static_files_new(void)
{
    return alloc_zeroed(sizeof(struct static_files));
}

void static_files_free(struct static_files *files)
{
    if (!files)
        return;
    struct file *file, *next;
    HASH_ITER(hh, files->by_path, file, next)
    {
        HASH_DEL(files->by_path, file);
        blob_unref(file->bytes);
        blob_unref(file->gzip);
        free(file);
    }
    free(files);
}

/* Gives a file its compressed form, be it `added` or there already. */
static void pair_up(const struct static_files *files, struct file *added)
{
    char path[STATIC_PATH_MAX + sizeof GZ] = "";
    size_t len = strlen(added->path);
    size_t plain = len - (sizeof GZ - 1);

    snprintf(path, sizeof path, "%s%s", added->path, GZ);
    const struct file *gzip = find(files, path);
    if (gzip)
        added->gzip = blob_ref(gzip->bytes);
    if (len < sizeof GZ || strcmp(added->path + plain, GZ) != 0)
        return;
    path[plain] = '\0';
    struct file *file = find(files, path);
    if (file)
        file->gzip = blob_ref(added->bytes);
}

int static_files_add(struct static_files *files, const char *path, struct blob *bytes, time_t modified)
{
    size_t len = strlen(path);

    if (len > STATIC_PATH_MAX || bytes->len > STATIC_BYTES_MAX - files->bytes ||
        HASH_COUNT(files->by_path) == STATIC_FILES_MAX)
        return -1;
    struct file *file = alloc_zeroed(sizeof *file + len + 1);

    file->bytes = blob_ref(bytes);
    file->modified = modified;
    file->content_type = content_type_of(path);
    make_tag(bytes, file->tag);
    memcpy(file->path, path, len);
    files->bytes += bytes->len;
    HASH_ADD_STR(files->by_path, path, file);
    pair_up(files, file);
    return 0;
}

/* --- which file --- */

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c | 0x20) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* Percent-decodes. False: badly encoded, too long, or hiding what may not stand in a path. */
static bool decode(const char *path, char out[STATIC_PATH_MAX + 1])
{
    size_t n = 0;

    for (; *path; path++) {
        char c = *path;

        if (c == '%') {
            int high = hex_digit(path[1]);
            int low = high < 0 ? -1 : hex_digit(path[2]);

            if (low < 0)
                return false;
            c = (char)(high * 16 + low);
            if (!c || c == '/' || c == '\\')
                return false;
            path += 2;
        }
        if (n == STATIC_PATH_MAX)
            return false;
        out[n++] = c;
    }
    out[n] = '\0';
    return true;
}

static bool is_below(const char *path, const char *top)
{
    size_t len = strlen(top);

    return !strncmp(path, top, len) && (!path[len] || path[len] == '/');
}

/* Whether the path may be one of the client's own routes: not a file's, without steps up, not one of the
 * gateway's. */
static bool is_route(const char *path)
{
    static const char *const taken[] = {"/socket.io", "/ws",      "/api",   "/healthz",
                                        "/readyz",    "/metrics", "/assets"};

    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (is_below(path, taken[i]))
            return false;
    const char *last = strrchr(path, '/');
    return last && !strchr(last, '.') && !strstr(path, "/.") && !strstr(path, "//");
}

static const struct file *choose(const struct static_files *files, const struct static_request *request)
{
    char path[STATIC_PATH_MAX + 1] = "";

    if (!decode(request->path, path))
        return NULL;
    if (!strcmp(path, "/"))
        return find(files, INDEX);
    const struct file *file = find(files, path);
    bool reads_html = request->accept && strcasestr(request->accept, "text/html");
    return file || !reads_html || !is_route(path) ? file : find(files, INDEX);
}

/* --- which form of it --- */

/* The next element of a comma-separated list without white space around; false at the end. */
static bool next_element(const char **list, const char **element, size_t *len)
{
    const char *at = *list + strspn(*list, ", \t");
    size_t n = strcspn(at, ",");

    *list = at + n;
    while (n && strchr(" \t", at[n - 1]))
        n--;
    *element = at;
    *len = n;
    return n > 0;
}

/* Whether the element of Accept-Encoding names gzip with a weight above 0. */
static bool names_gzip(const char *element, size_t len)
{
    size_t name = strcspn(element, "; \t,");

    if (name != 4 || strncasecmp(element, "gzip", 4) != 0)
        return false;
    for (size_t i = name; i + 2 < len; i++)
        if ((element[i] | 0x20) == 'q' && element[i + 1] == '=')
            return strspn(element + i + 2, "0.") < len - i - 2;
    return true;
}

static bool accepts_gzip(const char *list)
{
    const char *element;
    size_t len;

    while (list && next_element(&list, &element, &len))
        if (names_gzip(element, len))
            return true;
    return false;
}

/* --- what the client has --- */

/* Whether If-None-Match has the tag; weak comparison (RFC 9110 section 13.1.2). */
static bool has_tag(const char *list, const char *quoted)
{
    const char *element;
    size_t len;

    while (next_element(&list, &element, &len)) {
        if (len == 1 && *element == '*')
            return true;
        if (len > 2 && !strncmp(element, "W/", 2)) {
            element += 2;
            len -= 2;
        }
        if (len == strlen(quoted) && !memcmp(element, quoted, len))
            return true;
    }
    return false;
}

static const char DATE[] = "%a, %d %b %Y %H:%M:%S GMT";

static bool unchanged_since(const struct file *file, const char *date)
{
    struct tm tm = {0};
    const char *end = strptime(date, DATE, &tm);

    return end && !*end && file->modified <= timegm(&tm);
}

static bool is_fresh(const struct static_request *request, const struct file *file, const char *quoted)
{
    if (request->if_none_match)
        return has_tag(request->if_none_match, quoted);
    return request->if_modified_since && unchanged_since(file, request->if_modified_since);
}

/* --- the answer --- */

/* Bundlers put a hash of the content into the names under /assets/; everything else may change any time. */
static const char *cache_control(const struct file *file)
{
    return is_below(file->path, "/assets") ? "public, max-age=31536000, immutable" : "no-cache";
}

bool static_files_answer(const struct static_files *files, const struct static_request *request,
                         struct static_answer *answer)
{
    const struct file *file = choose(files, request);

    if (!file)
        return false;
    bool gzip = file->gzip && accepts_gzip(request->accept_encoding);
    char quoted[QUOTED_SIZE];
    char modified[DATE_SIZE];
    struct tm tm;
    snprintf(quoted, sizeof quoted, "\"%s%s\"", file->tag, gzip ? "-gz" : "");
    strftime(modified, sizeof modified, DATE, gmtime_r(&file->modified, &tm));

    *answer = (struct static_answer){
        .status = is_fresh(request, file, quoted) ? 304 : 200,
        .content_type = file->content_type,
        .body = gzip ? file->gzip : file->bytes,
    };
    snprintf(answer->headers, sizeof answer->headers,
             "ETag: %s\r\n"
             "Last-Modified: %s\r\n"
             "Cache-Control: %s\r\n"
             "%s%s"
             "X-Content-Type-Options: nosniff\r\n"
             "Referrer-Policy: no-referrer\r\n"
             "Content-Security-Policy: default-src 'self'; connect-src 'self' ws: wss: http: https:; "
             "img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; "
             "form-action 'self'; frame-ancestors 'none'\r\n",
             quoted, modified, cache_control(file), file->gzip ? "Vary: Accept-Encoding\r\n" : "",
             gzip ? "Content-Encoding: gzip\r\n" : "");
    return true;
}
