/* Passwords from files: see redis_password.h. */
#include "broker/redis/redis_password.h"

#include "common/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int redis_password_read(struct redis_login *login, char *error, size_t error_size)
{
    char text[REDIS_PASSWORD_MAX + 1];

    if (!login->password_file)
        return 0;
    FILE *file = fopen(login->password_file, "re");
    size_t len = file ? fread(text, 1, sizeof text, file) : 0;
    int trouble = !file || ferror(file) ? errno : 0;

    if (file)
        fclose(file);
    bool too_long = len > REDIS_PASSWORD_MAX;

    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    if (trouble != 0)
        snprintf(error, error_size, "cannot read the password of Redis from %s: %s", login->password_file,
                 strerror(trouble));
    else if (len == 0 || too_long || memchr(text, '\0', len))
        snprintf(error, error_size, "%s must hold the password of Redis and nothing else, at most %d bytes",
                 login->password_file, REDIS_PASSWORD_MAX);
    else
        login->password = alloc_text(text, len);
    explicit_bzero(text, sizeof text);
    return login->password ? 0 : -1;
}
