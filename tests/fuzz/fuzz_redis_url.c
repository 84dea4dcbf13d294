/*
 * The broker's URL. What is taken names servers that can exist; what is not is explained in one line, and
 * nothing is left of it.
 */
#include "tests/fuzz/fuzz.h"

#include "broker/redis/redis_url.h"

enum { ERROR_SIZE = 256 };

static void check_address(const struct redis_address *address)
{
    char text[REDIS_ADDRESS_TEXT_SIZE];
    struct redis_address again;

    redis_address_text(address, text);
    if (redis_address_is_socket(address)) {
        CHECK(!strcmp(text, address->host));
        return;
    }
    CHECK(!redis_address_set(&again, address->host, strlen(address->host), address->port));
    CHECK(redis_address_equal(address, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct redis_url empty;
    char *text = fuzz_text(data, size);
    char error[ERROR_SIZE] = "";
    struct redis_url url;

    if (redis_url_parse(text, &url, error, sizeof error)) {
        CHECK(*error && strlen(error) < sizeof error && !strpbrk(error, "\r\n"));
        CHECK(!memcmp(&url, &empty, sizeof empty));
    } else {
        CHECK(url.address_count >= 1 && url.address_count <= REDIS_URL_ADDRESSES_MAX);
        CHECK(url.primary || url.cluster || url.address_count == 1);
        CHECK(!url.cluster || (!url.primary && url.db == 0));
        CHECK(!url.login.user || url.login.password || url.login.password_file);
        CHECK(!url.login.password || !url.login.password_file);
        for (size_t i = 0; i < url.address_count; i++)
            check_address(&url.addresses[i]);
    }
    redis_url_deinit(&url);
    free(text);
    return 0;
}
