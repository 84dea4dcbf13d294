/*
 * The option machinery: a table of rows describes a program's options; the command line (`--name value` or
 * `--name=value`), the environment (PREFIX_NAME with dashes as underscores), `--help`, `--version`,
 * `--environment` (a file for systemd) and the printed configuration all come from it. The command line wins
 * over the environment, which wins over the default.
 *
 * A bad value gives one line that says what was given, what is allowed and what to do.
 */
#ifndef RIDECAST_COMMON_OPTION_H
#define RIDECAST_COMMON_OPTION_H

#include "common/buf.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum option_type {
    OPTION_UINT,   /* uint64_t field; bounds from min and max, inclusive */
    OPTION_STRING, /* char * field, owned by the configuration */
    OPTION_CHOICE, /* int field: index into `choices`, a NULL-terminated list */
};

enum option_flags {
    OPTION_SECRET = 1, /* a URL that may hold a password: printed as ***; an error shows nothing of it */
    OPTION_COMMON = 2, /* should be the same on all gateways of a cluster (gateway/pages/agreement.h) */
};

struct option_row {
    const char *name; /* "ping-interval"; at most 40 bytes */
    enum option_type type;
    unsigned flags;      /* enum option_flags */
    size_t offset;       /* of the field in the configuration struct */
    const char *initial; /* the default, as text, parsed like any other value */
    uint64_t min, max;   /* OPTION_UINT only */
    const char *unit;    /* "ms", "bytes" or NULL */
    const char *const *choices;
    const char *help; /* one line */
    /*
     * Further check of a string: NULL when fine, else a static text that completes `"value" `. May be
     * NULL.
     */
    const char *(*check)(const char *value);
};

struct option_program {
    const char *name;    /* "ridecast-gateway" */
    const char *summary; /* one line for --help */
    const char *env;     /* "RIDECAST" */
    const struct option_row *rows;
    size_t row_count;
};

enum option_outcome {
    OPTION_OK,   /* the configuration is filled */
    OPTION_EXIT, /* --help, --version or --environment was printed to stdout: exit 0 */
    OPTION_BAD,  /* one line without its newline was appended to `error`: print it, exit non-zero */
};

/*
 * Fills `config` (zeroed by this call, `size` bytes) from defaults, environment and command line.
 * `environ_list` is NULL-terminated "NAME=value" strings. An environment name with the prefix and an
 * underscore that matches no row is an error too, since it is most likely a misspelling, except those that
 * Kubernetes makes of services (PREFIX_SERVICE_HOST, PREFIX_PORT=tcp://… and so on), which are ignored. An
 * option given twice counts as given last. Unless OPTION_OK, the configuration is left zeroed and owns
 * nothing.
 */
enum option_outcome option_load(const struct option_program *program, void *config, size_t size, int argc,
                                char *const *argv, char *const *environ_list, struct buf *error);

/* Appends the configuration, `--name value` by lines, secrets masked. 0, or -1 when `out` is full. */
int option_print(const struct option_program *program, const void *config, struct buf *out);

/*
 * Appends the page that --help prints: every row with its help, default, bounds and variable. 0, or -1 when
 * `out` is full.
 */
int option_help(const struct option_program *program, struct buf *out);

/*
 * Appends an environment file: every variable at its default, commented out, with its help above. 0, or -1
 * when `out` is full.
 */
int option_environment(const struct option_program *program, struct buf *out);

/* Frees the strings of a configuration filled by option_load(). */
void option_free(const struct option_program *program, void *config);

#endif
