/*
 * The option machinery.
 *
 * The names on the command line and in the environment are checked first; then each row's value is looked up
 * (command line, environment, default) and parsed, all by the same function.
 */
#include "common/option.h"

#include "common/json_text.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <regex.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 64, SHOWN_SIZE = 128, ERROR_SIZE = 512 };
enum { HELP_MAX = 65536, HELP_WIDTH = 100, HELP_INDENT = 6 };

/* What option_load() was called with. */
struct loading {
    const struct option_program *program;
    void *config;
    int argc;
    char *const *argv;
    char *const *environ_list;
    struct buf *error;
};

static void *field_of(const struct option_row *row, void *config)
{
    return (char *)config + row->offset;
}

static enum option_outcome refuse(const struct loading *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum option_outcome refuse(const struct loading *l, const char *format, ...)
{
    char line[ERROR_SIZE];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    buf_appendf(l->error, "%s: %s", l->program->name, line);
    return OPTION_BAD;
}

/* The text, fit for one line of a terminal: without control characters, and not endless. */
static const char *shown(const char *text, size_t text_len, char out[SHOWN_SIZE])
{
    static const char cut_mark[] = "…";
    size_t len = 0;

    for (size_t n; text_len > 0; text += n, text_len -= n) {
        n = json_text_utf8(text, text_len);
        bool plain = n > 1 || (n == 1 && isprint((unsigned char)*text));

        n = n > 0 ? n : 1;
        if (len + n + sizeof cut_mark > SHOWN_SIZE) {
            memcpy(out + len, cut_mark, sizeof cut_mark);
            return out;
        }
        memcpy(out + len, plain ? text : "?", n);
        len += n;
    }
    out[len] = '\0';
    return out;
}

/* Names */

/* The row's environment variable. */
static const char *env_name(const struct option_program *program, const struct option_row *row,
                            char out[NAME_SIZE])
{
    int n = snprintf(out, NAME_SIZE, "%s_%s", program->env, row->name);

    assert(n > 0 && n < NAME_SIZE);
    (void)n;
    for (char *c = out; *c; c++)
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
    return out;
}

static const struct option_row *find_row(const struct option_program *program, const char *name, size_t len)
{
    for (size_t i = 0; i < program->row_count; i++) {
        const struct option_row *row = &program->rows[i];

        if (strlen(row->name) == len && memcmp(row->name, name, len) == 0)
            return row;
    }
    return NULL;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

/*
 * How many letters must be added, dropped or changed to make `b` of `a` (Levenshtein); `b` is shorter than
 * NAME_SIZE.
 */
static size_t edit_distance(const char *a, size_t a_len, const char *b)
{
    size_t b_len = strlen(b);
    size_t cost[NAME_SIZE];

    for (size_t j = 0; j <= b_len; j++)
        cost[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = cost[0];

        cost[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t above = cost[j];

            cost[j] = smallest(above + 1, cost[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return cost[b_len];
}

/* The row that was probably meant, or NULL. */
static const struct option_row *nearest_row(const struct option_program *program, const char *name,
                                            size_t len)
{
    const struct option_row *nearest = NULL;
    size_t least = 3; /* further off is no misspelling */

    for (size_t i = 0; i < program->row_count && len < NAME_SIZE; i++) {
        size_t distance = edit_distance(name, len, program->rows[i].name);

        if (distance < least) {
            least = distance;
            nearest = &program->rows[i];
        }
    }
    return nearest;
}

/* The command line */

struct argument {
    const char *text;  /* as it was given */
    const char *name;  /* without the dashes */
    size_t name_len;   /* 0: no option at all */
    const char *value; /* NULL: none */
};

static bool is_word(const struct argument *argument, const char *word)
{
    return argument->name_len == strlen(word) && memcmp(argument->name, word, argument->name_len) == 0;
}

static int append_version(const struct option_program *program, struct buf *out)
{
    return buf_appendf(out, "%s %s\n", program->name, RIDECAST_VERSION);
}

/* What can be asked for instead of a start. */
static const struct page {
    const char *word;
    int (*append)(const struct option_program *program, struct buf *out);
} pages[] = {
    {"help", option_help},
    {"version", append_version},
    {"environment", option_environment},
};

/* The page that is asked for, or NULL. */
static const struct page *find_page(const struct argument *argument)
{
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (is_word(argument, pages[i].word))
            return &pages[i];
    return NULL;
}

/* Reads the argument at `*i`, with its value, and moves on. False at the end. */
static bool next_argument(const struct loading *l, int *i, struct argument *argument)
{
    if (*i >= l->argc)
        return false;
    const char *text = l->argv[(*i)++];

    *argument = (struct argument){.text = text, .name = ""};
    if (strncmp(text, "--", 2) != 0)
        return true;
    argument->name = text + 2;
    argument->name_len = strcspn(argument->name, "=");
    if (argument->name[argument->name_len] == '=')
        argument->value = argument->name + argument->name_len + 1;
    else if (!find_page(argument) && *i < l->argc && strncmp(l->argv[*i], "--", 2) != 0)
        argument->value = l->argv[(*i)++];
    return true;
}

/* Only the name is shown here and in refuse_variable(): the value may be a secret. */
static enum option_outcome refuse_option(const struct loading *l, const struct argument *argument)
{
    char name[SHOWN_SIZE];
    const struct option_row *nearest = nearest_row(l->program, argument->name, argument->name_len);

    shown(argument->name, argument->name_len, name);
    if (nearest)
        return refuse(l, "unknown option --%s; did you mean --%s? See --help", name, nearest->name);
    return refuse(l, "unknown option --%s; see --help", name);
}

static enum option_outcome print_and_exit(const struct loading *l, const struct page *page)
{
    struct buf text;

    buf_init(&text, HELP_MAX);
    page->append(l->program, &text);
    fwrite(text.data, 1, text.len, stdout);
    buf_deinit(&text);
    return OPTION_EXIT;
}

static enum option_outcome check_arguments(const struct loading *l)
{
    struct argument argument;
    char text[SHOWN_SIZE];

    for (int i = 1; next_argument(l, &i, &argument);) {
        if (argument.name_len == 0)
            return refuse(l, "unexpected argument \"%s\"; see --help",
                          shown(argument.text, strlen(argument.text), text));
        if (find_page(&argument))
            return print_and_exit(l, find_page(&argument));
        if (!find_row(l->program, argument.name, argument.name_len))
            return refuse_option(l, &argument);
        if (!argument.value)
            return refuse(l, "--%s needs a value; see --help", argument.name);
    }
    return OPTION_OK;
}

/* The value given last for this row, or NULL. */
static const char *argument_value(const struct loading *l, const struct option_row *row)
{
    const char *value = NULL;
    struct argument argument;

    for (int i = 1; next_argument(l, &i, &argument);)
        if (is_word(&argument, row->name))
            value = argument.value;
    return value;
}

/* The environment */

/* The value if `entry` is `name=value`, else NULL. */
static const char *entry_value(const char *entry, const char *name)
{
    size_t len = strlen(name);

    return strncmp(entry, name, len) == 0 && entry[len] == '=' ? entry + len + 1 : NULL;
}

static const char *env_value(const struct loading *l, const struct option_row *row)
{
    char name[NAME_SIZE];
    const char *value = NULL;

    env_name(l->program, row, name);
    for (char *const *entry = l->environ_list; *entry && !value; entry++)
        value = entry_value(*entry, name);
    return value;
}

static bool env_is_known(const struct option_program *program, const char *entry)
{
    char name[NAME_SIZE];

    for (size_t i = 0; i < program->row_count; i++)
        if (entry_value(entry, env_name(program, &program->rows[i], name)))
            return true;
    return false;
}

#define SERVICE_ADDRESS  "[0-9a-f.:]+"
#define SERVICE_NUMBER   "[0-9]{1,5}"
#define SERVICE_PROTOCOL "(tcp|udp|sctp)"
#define SERVICE_URL      SERVICE_PROTOCOL "://\\[?" SERVICE_ADDRESS "\\]?:" SERVICE_NUMBER
#define SERVICE_LINK     "PORT_" SERVICE_NUMBER "_(TCP|UDP|SCTP)"

/*
 * Whether Kubernetes, or a docker --link, made the variable (`rest` as below) of a service that is named like
 * the prefix, with more behind a dash or without: nobody has written it. The values count as well, since
 * PREFIX_PORT=3000 is somebody's who means an option that is not there.
 */
static bool describes_service(const char *rest)
{
    static const char form[] =
        "^([A-Z0-9_]+_)?(SERVICE_HOST=" SERVICE_ADDRESS "|SERVICE_PORT(_[A-Z0-9_]+)?=" SERVICE_NUMBER
        "|(PORT|" SERVICE_LINK ")=" SERVICE_URL "|" SERVICE_LINK "_PROTO=" SERVICE_PROTOCOL "|" SERVICE_LINK
        "_PORT=" SERVICE_NUMBER "|" SERVICE_LINK "_ADDR=" SERVICE_ADDRESS ")$";
    regex_t compiled;

    if (regcomp(&compiled, form, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    bool found = regexec(&compiled, rest, 0, NULL, 0) == 0;

    regfree(&compiled);
    return found;
}

/* `rest` is what follows the prefix and underscore in a variable that no row explains. */
static enum option_outcome refuse_variable(const struct loading *l, const char *rest)
{
    size_t len = strcspn(rest, "=");
    char name[NAME_SIZE] = "", text[SHOWN_SIZE];
    const struct option_row *nearest = NULL;

    if (len < sizeof name) {
        for (size_t i = 0; i < len; i++)
            name[i] = rest[i] == '_' ? '-' : (char)tolower((unsigned char)rest[i]);
        nearest = nearest_row(l->program, name, len);
    }
    shown(rest, len, text);
    if (!nearest)
        return refuse(l, "unknown environment variable %s_%s; see --help", l->program->env, text);
    return refuse(l, "unknown environment variable %s_%s; did you mean %s? See --help", l->program->env, text,
                  env_name(l->program, nearest, name));
}

static enum option_outcome check_environment(const struct loading *l)
{
    size_t len = strlen(l->program->env);

    for (char *const *entry = l->environ_list; *entry; entry++) {
        bool ours = strncmp(*entry, l->program->env, len) == 0 && (*entry)[len] == '_';

        if (ours && !env_is_known(l->program, *entry) && !describes_service(*entry + len + 1))
            return refuse_variable(l, *entry + len + 1);
    }
    return OPTION_OK;
}

/* Values */

/* `10 to 3600000 (ms)` */
static const char *bounds(const struct option_row *row, char out[NAME_SIZE])
{
    snprintf(out, NAME_SIZE, "%" PRIu64 " to %" PRIu64 "%s%s%s", row->min, row->max, row->unit ? " (" : "",
             row->unit ? row->unit : "", row->unit ? ")" : "");
    return out;
}

static enum option_outcome store_uint(const struct loading *l, const struct option_row *row,
                                      const char *source, const char *value)
{
    char text[SHOWN_SIZE], range[NAME_SIZE];

    /* strtoull() alone would take signs and white space. */
    if (*value == '\0' || value[strspn(value, "0123456789")] != '\0')
        return refuse(l, "%s: \"%s\" is not a whole number; give %s", source,
                      shown(value, strlen(value), text), bounds(row, range));
    errno = 0;
    unsigned long long number = strtoull(value, NULL, 10);

    if (errno == ERANGE || number < row->min || number > row->max)
        return refuse(l, "%s: \"%s\" is out of range; give %s", source, shown(value, strlen(value), text),
                      bounds(row, range));
    *(uint64_t *)field_of(row, l->config) = number;
    return OPTION_OK;
}

static enum option_outcome store_string(const struct loading *l, const struct option_row *row,
                                        const char *source, const char *value)
{
    const char *wrong = row->check ? row->check(value) : NULL;
    char text[SHOWN_SIZE];

    if (wrong && row->flags & OPTION_SECRET)
        return refuse(l, "%s: the value %s", source, wrong);
    if (wrong)
        return refuse(l, "%s: \"%s\" %s", source, shown(value, strlen(value), text), wrong);
    char *copy = strdup(value);

    if (!copy)
        return refuse(l, "out of memory");
    *(char **)field_of(row, l->config) = copy;
    return OPTION_OK;
}

/* Appends the choices, separated by `separator`. */
static int append_choices(const struct option_row *row, const char *separator, struct buf *out)
{
    for (const char *const *choice = row->choices; *choice; choice++)
        if (buf_appendf(out, "%s%s", choice == row->choices ? "" : separator, *choice) != 0)
            return -1;
    return 0;
}

static enum option_outcome store_choice(const struct loading *l, const struct option_row *row,
                                        const char *source, const char *value)
{
    char text[SHOWN_SIZE];

    for (int i = 0; row->choices[i]; i++) {
        if (strcmp(row->choices[i], value) == 0) {
            *(int *)field_of(row, l->config) = i;
            return OPTION_OK;
        }
    }
    refuse(l, "%s: \"%s\" is not one of ", source, shown(value, strlen(value), text));
    append_choices(row, ", ", l->error);
    return OPTION_BAD;
}

static enum option_outcome load_row(const struct loading *l, const struct option_row *row)
{
    char source[NAME_SIZE];
    const char *value = argument_value(l, row);

    snprintf(source, sizeof source, "--%s", row->name);
    if (!value) {
        value = env_value(l, row);
        if (value)
            env_name(l->program, row, source);
        else
            value = row->initial;
    }
    switch (row->type) {
    case OPTION_UINT:
        return store_uint(l, row, source, value);
    case OPTION_STRING:
        return store_string(l, row, source, value);
    case OPTION_CHOICE:
        return store_choice(l, row, source, value);
    }
    return OPTION_BAD;
}

enum option_outcome option_load(const struct option_program *program, void *config, size_t size, int argc,
                                char *const *argv, char *const *environ_list, struct buf *error)
{
    const struct loading l = {program, config, argc, argv, environ_list, error};

    memset(config, 0, size);
    enum option_outcome outcome = check_arguments(&l);

    if (outcome == OPTION_OK)
        outcome = check_environment(&l);
    for (size_t i = 0; i < program->row_count && outcome == OPTION_OK; i++)
        outcome = load_row(&l, &program->rows[i]);
    if (outcome != OPTION_OK) {
        option_free(program, config);
        memset(config, 0, size);
    }
    return outcome;
}

void option_free(const struct option_program *program, void *config)
{
    for (size_t i = 0; i < program->row_count; i++) {
        if (program->rows[i].type == OPTION_STRING) {
            char **string = field_of(&program->rows[i], config);

            free(*string);
            *string = NULL;
        }
    }
}

/* Pages */

/*
 * A password is what stands between the first colon of the address and its last @. Another one may follow a
 * "password="; where that ends is known only if it is escaped as it should be, so nothing behind it is shown.
 */
static int append_masked(const char *url, struct buf *out)
{
    const char *scheme = strstr(url, "://");
    const char *address = scheme ? scheme + 3 : url;
    const char *second = strcasestr(address, "password=");
    const char *end = second ? second + strlen("password=") : address + strlen(address);
    const char *at = memrchr(address, '@', (size_t)(end - address));
    const char *colon = at ? memchr(address, ':', (size_t)(at - address)) : NULL;
    const char *tail = second ? "***" : "";

    if (!colon)
        return buf_appendf(out, "%.*s%s", (int)(end - url), url, tail);
    return buf_appendf(out, "%.*s:***%.*s%s", (int)(colon - url), url, (int)(end - at), at, tail);
}

static int append_value(const struct option_row *row, const void *config, struct buf *out)
{
    const void *field = (const char *)config + row->offset;

    switch (row->type) {
    case OPTION_UINT:
        return buf_appendf(out, "%" PRIu64, *(const uint64_t *)field);
    case OPTION_CHOICE:
        return buf_append_str(out, row->choices[*(const int *)field]);
    case OPTION_STRING:
        break;
    }
    const char *string = *(char *const *)field;

    if (row->flags & OPTION_SECRET)
        return append_masked(string, out);
    return buf_append_str(out, *string ? string : "\"\"");
}

int option_print(const struct option_program *program, const void *config, struct buf *out)
{
    for (size_t i = 0; i < program->row_count; i++) {
        const struct option_row *row = &program->rows[i];

        if (buf_appendf(out, "--%s ", row->name) != 0 || append_value(row, config, out) != 0 ||
            buf_append_str(out, "\n") != 0)
            return -1;
    }
    return 0;
}

/* Appends words as indented lines of at most HELP_WIDTH columns (all ASCII). */
static int append_wrapped(const char *text, size_t len, struct buf *out)
{
    const char *const end = text + len;
    size_t column = 0;

    while (text < end) {
        const char *space = memchr(text, ' ', (size_t)(end - text));
        size_t n = (size_t)((space ? space : end) - text);
        bool fits = column > 0 && column + 1 + n <= HELP_WIDTH;

        if (column > 0 && buf_append_str(out, fits ? " " : "\n") != 0)
            return -1;
        if (buf_appendf(out, "%*s%.*s", fits ? 0 : HELP_INDENT, "", (int)n, text) != 0)
            return -1;
        column = (fits ? column + 1 : HELP_INDENT) + n;
        text += space ? n + 1 : n;
    }
    return buf_append_str(out, "\n");
}

static int append_heading(const struct option_row *row, struct buf *out)
{
    if (buf_appendf(out, "\n  --%s ", row->name) != 0)
        return -1;
    if (row->type == OPTION_CHOICE)
        return append_choices(row, "|", out) != 0 ? -1 : buf_append_str(out, "\n");
    return buf_append_str(out, row->type == OPTION_UINT ? "NUMBER\n" : "TEXT\n");
}

/* What it is for, its default, bounds and variable: all that the row knows. */
static int append_row_help(const struct option_program *program, const struct option_row *row,
                           struct buf *out)
{
    const char *quote = row->type == OPTION_STRING ? "\"" : "";
    char range[NAME_SIZE], variable[NAME_SIZE];
    struct buf text;
    int result = -1;

    buf_init(&text, HELP_MAX);
    if (append_heading(row, out) != 0)
        goto out;
    if (buf_appendf(&text, "%s. Default: %s%s%s.", row->help, quote, row->initial, quote) != 0)
        goto out;
    if (row->type == OPTION_UINT && buf_appendf(&text, " Give %s.", bounds(row, range)) != 0)
        goto out;
    if (buf_appendf(&text, " Environment: %s", env_name(program, row, variable)) != 0)
        goto out;
    result = append_wrapped(text.data, text.len, out);
out:
    buf_deinit(&text);
    return result;
}

int option_help(const struct option_program *program, struct buf *out)
{
    if (buf_appendf(out,
                    "Usage: %s [--name value | --name=value]...\n\n%s\n\n"
                    "An option on the command line wins over its environment variable, which wins over the "
                    "default.\n",
                    program->name, program->summary) != 0)
        return -1;
    for (size_t i = 0; i < program->row_count; i++)
        if (append_row_help(program, &program->rows[i], out) != 0)
            return -1;
    return buf_append_str(
        out, "\n  --help, --version, --environment\n"
             "      Print this page, the version, or a file of all variables for systemd, and exit\n");
}

static int append_variable(const struct option_program *program, const struct option_row *row,
                           struct buf *out)
{
    char range[NAME_SIZE], variable[NAME_SIZE];

    if (buf_appendf(out, "\n# %s.", row->help) != 0)
        return -1;
    if (row->type == OPTION_UINT && buf_appendf(out, " Give %s.", bounds(row, range)) != 0)
        return -1;
    if (row->type == OPTION_CHOICE &&
        (buf_append_str(out, " Give ") != 0 || append_choices(row, " or ", out) != 0 ||
         buf_append_str(out, ".") != 0))
        return -1;
    return buf_appendf(out, "\n#%s=%s\n", env_name(program, row, variable), row->initial);
}

int option_environment(const struct option_program *program, struct buf *out)
{
    if (buf_appendf(out, "# What %s can be told, each at its default. The command line wins over this.\n",
                    program->name) != 0)
        return -1;
    for (size_t i = 0; i < program->row_count; i++)
        if (append_variable(program, &program->rows[i], out) != 0)
            return -1;
    return 0;
}
