/* Files into memory: see static_load.h. */
#include "gateway/pages/static_load.h"

#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct loading {
    struct static_files *files;
    char top[PATH_MAX]; /* the folder, without links in its path */
    bool has_index;
    char *error;
    size_t error_size;
};

static int fail(const struct loading *loading, const char *path, const char *reason)
{
    snprintf(loading->error, loading->error_size, "--static: %s: %s", path, reason);
    return -1;
}

/* A blob of the whole file; NULL with errno set. */
static struct blob *read_file(int fd, size_t size)
{
    char *bytes = malloc(size + 1);
    struct blob *blob = NULL;
    size_t have = 0;
    ssize_t n = 1;

    while (bytes && have < size && n > 0) {
        n = read(fd, bytes + have, size - have);
        if (n > 0)
            have += (size_t)n;
    }
    if (n >= 0)
        blob = bytes ? blob_new(bytes, have) : NULL;
    free(bytes);
    return blob;
}

static int add_file(struct loading *loading, const char *path, const char *name)
{
    struct stat info;
    struct blob *bytes = NULL;
    int result = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 || fstat(fd, &info)) {
        fail(loading, path, strerror(errno));
        goto out;
    }
    if (!S_ISREG(info.st_mode)) {
        result = 0;
        goto out;
    }
    bool fits = (uintmax_t)info.st_size <= STATIC_BYTES_MAX;
    bytes = fits ? read_file(fd, (size_t)info.st_size) : NULL;
    if (fits && !bytes)
        fail(loading, path, strerror(errno));
    else if (!fits || static_files_add(loading->files, name, bytes, info.st_mtime))
        fail(loading, path,
             "more than 4096 files, 64 MiB, or 512 bytes of a path; is this a web client's build?");
    else
        result = 0;
out:
    if (fd >= 0)
        close(fd);
    blob_unref(bytes);
    return result;
}

/* Links to files inside are followed: some deployments are made of them. */
static int add_link(struct loading *loading, const char *path, const char *name)
{
    char target[PATH_MAX];
    size_t top_len = strlen(loading->top);
    struct stat info;

    if (!realpath(path, target) || stat(target, &info))
        return fail(loading, path, strerror(errno));
    if (strncmp(target, loading->top, top_len) != 0 || target[top_len] != '/' || !S_ISREG(info.st_mode)) {
        log_warn("static", "%s is left out: it links to a folder, or out of the folder", path);
        return 0;
    }
    return add_file(loading, target, name);
}

static int add_entry(struct loading *loading, FTS *fts, FTSENT *entry)
{
    const char *name = entry->fts_path + strlen(loading->top);

    if (entry->fts_level > FTS_ROOTLEVEL && entry->fts_name[0] == '.') {
        fts_set(fts, entry, FTS_SKIP);
        return 0;
    }
    if (!strcmp(name, "/index.html"))
        loading->has_index = true;
    switch (entry->fts_info) {
    case FTS_F:
        return add_file(loading, entry->fts_accpath, name);
    case FTS_SL:
    case FTS_SLNONE:
        return add_link(loading, entry->fts_path, name);
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        return fail(loading, entry->fts_path, strerror(entry->fts_errno));
    default:
        return 0;
    }
}

static int walk(struct loading *loading)
{
    char *const tops[] = {loading->top, NULL};
    FTS *fts = fts_open(tops, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    FTSENT *entry;
    int result = 0;

    if (!fts)
        return fail(loading, loading->top, strerror(errno));
    while (!result && (entry = fts_read(fts)))
        result = add_entry(loading, fts, entry);
    fts_close(fts);
    return result;
}

static int load(struct loading *loading, const char *folder)
{
    struct stat info;

    if (!realpath(folder, loading->top) || stat(loading->top, &info))
        return fail(loading, folder, strerror(errno));
    if (!S_ISDIR(info.st_mode))
        return fail(loading, folder, "is no folder");
    if (!strcmp(loading->top, "/"))
        return fail(loading, folder, "give the folder of a web client's build");
    if (walk(loading))
        return -1;
    if (!loading->has_index)
        return fail(loading, folder, "has no index.html; give the folder of a web client's build");
    return 0;
}

struct static_files *static_load(const char *folder, char *error, size_t error_size)
{
    struct loading loading = {.files = static_files_new(), .error = error, .error_size = error_size};

    if (!load(&loading, folder))
        return loading.files;
    static_files_free(loading.files);
    return NULL;
}
