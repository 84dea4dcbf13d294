/*
 * Where a request carries a token.
 */
#include "gateway/auth/token.h"
#include "gateway/net/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_token(const struct http_request *request, const char *expected)
{
    struct token token;

    token_from_request(request, &token);
    assert_int_equal(token.len, strlen(expected));
    if (token.len)
        assert_string_equal(token.text, expected);
}

static void in_authorization(const char *value, const char *expected)
{
    struct http_request request = {.query = ""};

    request.field[HTTP_AUTHORIZATION] = value;
    assert_token(&request, expected);
}

static void in_protocols(const char *value, const char *expected)
{
    struct http_request request = {.query = "", .upgrade = true};

    request.field[HTTP_SEC_WEBSOCKET_PROTOCOL] = value;
    assert_token(&request, expected);
}

static void in_query(const char *query, const char *expected)
{
    assert_token(&(struct http_request){.query = query}, expected);
}

static void the_header_carries_one(void **state)
{
    (void)state;
    in_authorization("Bearer a.b.c", "a.b.c");
    in_authorization("bearer   a.b.c", "a.b.c");
    in_authorization("Bearer a, Bearer b", "a, Bearer b");
    in_authorization("Bearer ", "");
    in_authorization("Bearer", "");
    in_authorization("Basic YTpi", "");
    in_authorization(NULL, "");
}

static void a_subprotocol_carries_one(void **state)
{
    (void)state;
    in_protocols("ridecast, bearer.a.b.c", "a.b.c");
    in_protocols("bearer.a.b.c,ridecast", "a.b.c");
    in_protocols("bearer.a, bearer.b", "a");
    in_protocols("bearer., bearer.b", "");
    in_protocols("ridecast", "");
    in_protocols("xbearer.a", "");
    in_protocols(",, ,", "");
}

static void only_an_upgrades_subprotocol_counts(void **state)
{
    struct http_request request = {.query = ""};

    (void)state;
    request.field[HTTP_SEC_WEBSOCKET_PROTOCOL] = "bearer.a";
    assert_token(&request, "");
}

static void the_query_carries_one(void **state)
{
    (void)state;
    in_query("token=a.b.c", "a.b.c");
    in_query("ride=/&token=a%2Eb&token=c", "a.b");
    in_query("token=", "");
    in_query("tokens=a", "");
    in_query("token=%00", "?");
    in_query("token=%zz", "?");
    in_query("", "");
}

static void the_first_place_counts(void **state)
{
    struct http_request request = {.query = "token=q", .upgrade = true};

    (void)state;
    assert_token(&request, "q");
    request.field[HTTP_SEC_WEBSOCKET_PROTOCOL] = "bearer.p";
    assert_token(&request, "p");
    request.field[HTTP_AUTHORIZATION] = "Bearer h";
    assert_token(&request, "h");
}

static void one_that_is_too_long_stays_so(void **state)
{
    char value[TOKEN_MAX + 200] = "Bearer ";
    struct token token;

    (void)state;
    memset(value + 7, 'a', sizeof value - 8);
    token_from_authorization(value, &token);
    assert_int_equal(token.len, TOKEN_MAX + 1);
}

static void every_fault_has_its_words(void **state)
{
    (void)state;
    for (enum token_fault fault = 0; fault < TOKEN_FAULTS; fault++) {
        assert_int_equal(strspn(token_fault_code(fault), "abcdefghijklmnopqrstuvwxyz"),
                         strlen(token_fault_code(fault)));
        assert_null(strpbrk(token_fault_text(fault), "\"\\\n"));
        if (fault == TOKEN_UNREAD)
            continue;
        assert_int_equal(token_fault_status(fault), fault == TOKEN_RIDE ? 403 : 401);
        assert_ptr_equal(strstr(token_fault_headers(fault), "WWW-Authenticate: Bearer"),
                         token_fault_headers(fault));
    }
    assert_int_equal(token_fault_status(TOKEN_UNREAD), 429);
    assert_string_equal(token_fault_headers(TOKEN_UNREAD), "Retry-After: 5\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_header_carries_one),
        cmocka_unit_test(a_subprotocol_carries_one),
        cmocka_unit_test(only_an_upgrades_subprotocol_counts),
        cmocka_unit_test(the_query_carries_one),
        cmocka_unit_test(the_first_place_counts),
        cmocka_unit_test(one_that_is_too_long_stays_so),
        cmocka_unit_test(every_fault_has_its_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
