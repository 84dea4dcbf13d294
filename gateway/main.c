/*
 * ridecast-gateway: options, log, signals, gateway, ready, run, stop.
 */
#include "common/config.h"
#include "common/log.h"
#include "gateway/gateway.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_configuration(const struct config *config)
{
    struct buf text;

    buf_init(&text, 65536);
    if (option_print(&config_program, config, &text) == 0) {
        char *save = NULL;

        buf_append(&text, "", 1);
        for (char *line = strtok_r(text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
            log_debug("config", "%s", line);
    }
    buf_deinit(&text);
}

/*
 * The broker's thread reads these from a signalfd; blocked before any thread starts, they are blocked in all.
 * SIGHUP asks a daemon to read its keys anew. On a terminal that hangs up, and where there are no keys, it
 * ends the process as ever.
 */
static void block_signals(const struct config *config)
{
    bool reloads = config->auth == AUTH_JWT || !isatty(STDIN_FILENO);
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    if (reloads)
        sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int fail(const char *error)
{
    fprintf(stderr, "ridecast-gateway: %s\n", error);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct config config;
    struct buf message;
    char error[512] = "";

    buf_init(&message, 4096);
    enum option_outcome outcome =
        option_load(&config_program, &config, sizeof config, argc, argv, environ, &message);
    if (outcome == OPTION_BAD)
        fprintf(stderr, "%.*s\n", (int)message.len, message.data);
    buf_deinit(&message);
    if (outcome != OPTION_OK)
        return outcome == OPTION_EXIT ? EXIT_SUCCESS : EXIT_FAILURE;

    int status = EXIT_FAILURE;
    log_setup((enum log_level)config.log_level, (enum log_format)config.log_format);
    block_signals(&config);
    print_configuration(&config);

    struct gateway *gateway = gateway_new(&config, error, sizeof error);
    if (!gateway) {
        status = fail(error);
        goto out;
    }
    if (gateway_admin_address(gateway)[0])
        printf("operators: listening on %s\n", gateway_admin_address(gateway));
    printf("listening on %s\n", gateway_address(gateway));
    fflush(stdout);
    if (gateway_start(gateway, error, sizeof error) != 0) {
        status = fail(error);
        goto out;
    }
    gateway_run(gateway);
    status = EXIT_SUCCESS;
out:
    gateway_free(gateway);
    option_free(&config_program, &config);
    return status;
}
