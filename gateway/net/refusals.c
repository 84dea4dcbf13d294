/* Refusals: see refusals.h. */
#include "gateway/net/refusals.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"

#include <inttypes.h>
#include <stddef.h>

/* As a label, and as a line of the log. */
static const struct {
    const char *label, *text;
} KINDS[REFUSALS] = {
    [REFUSED_CONNECTIONS] = {"reason=\"connections\"", "a connection: there are --max-connections"},
    [REFUSED_ADDRESS_CONNECTIONS] = {"reason=\"connections per address\"",
                                     "a connection: its address has --max-connections-per-address"},
    [REFUSED_HANDSHAKES] = {"reason=\"handshakes per address\"",
                            "a handshake: its address passes --handshakes-per-address"},
    [REFUSED_ACCEPT] = {"reason=\"accept\"", "connections: descriptors or memory are used up"},
    [REFUSED_MESSAGES] = {"reason=\"messages\"", "a message: its client passes --messages-per-second"},
    [REFUSED_BYTES] = {"reason=\"bytes\"", "a message: its client passes --bytes-per-second"},
    [REFUSED_ASKS] = {"reason=\"asks\"", "a question: its client, or its address, passes --asks-per-second"},
    [REFUSED_TRANSITIONS] = {"reason=\"transitions\"",
                             "a boarding: its client passes --transitions-per-second"},
    [REFUSED_EVENTS] = {"reason=\"events\"",
                        "a boarding: the ride, or its address there, passes --events-per-second"},
    [REFUSED_RIDES] = {"reason=\"rides\"", "a ride: its client is on --rides-per-connection"},
    [REFUSED_ADDRESS_RIDES] = {"reason=\"rides per address\"",
                               "a ride: its address has --rides-per-address followed"},
    [REFUSED_NEW_RIDES] = {"reason=\"new rides\"", "a ride: its address passes --new-rides-per-second"},
    [REFUSED_RESUMES] = {"reason=\"resumes\"", "a recovery: its address passes --resumes-per-address"},
    [REFUSED_REPLAYS] = {"reason=\"replays\"",
                         "a recovery's events: its address passes --replay-bytes-per-address"},
    [REFUSED_RIDERS] = {"reason=\"riders\"", "a boarding: the ride has --riders-per-ride"},
    [REFUSED_PAYLOAD] = {"reason=\"payload\"", "a message or body over --max-payload"},
    [REFUSED_HEADERS] = {"reason=\"headers\"", "a request's head: it is over --max-header-bytes"},
    [REFUSED_HEADER_TIMEOUT] = {"reason=\"header timeout\"", "a request slower than --header-timeout"},
    [REFUSED_BODY_TIMEOUT] = {"reason=\"body timeout\"", "a body or message slower than --body-timeout"},
    [REFUSED_MEMORY] = {"reason=\"memory\"", "what costs most: --memory-budget is used up"},
    [REFUSED_UPGRADE_TIMEOUT] = {"reason=\"upgrade timeout\"", "an upgrade slower than --upgrade-timeout"},
    [REFUSED_CONNECT_TIMEOUT] = {"reason=\"connect timeout\"",
                                 "a client that joined no ride within --connect-timeout"},
    [REFUSED_MESSAGE] = {NULL, "a message"},
    [REFUSED_TOKEN] = {NULL, "a client for its token"},
    [REFUSED_END] = {NULL, "the end of a connection"},
};

static void say_rest(void *owner)
{
    struct refused *refused = owner;

    if (!refused->unsaid)
        return;
    log_warn("gateway", "refused %s: %" PRIu64 " more in the last %d s", KINDS[refused->kind].text,
             refused->unsaid, REFUSALS_QUIET_MS / 1000);
    refused->unsaid = 0;
}

void refusals_init(struct refusals *refusals, struct metrics *metrics, struct timers *timers)
{
    *refusals = (struct refusals){.timers = timers};
    for (int kind = 0; kind < REFUSALS_COUNTED; kind++)
        refusals->counts[kind] = metrics_add(metrics, METRIC_COUNTER, "ridecast_refused_total",
                                             KINDS[kind].label, "What was refused, by the limit it was over");
    for (int kind = 0; kind < REFUSALS; kind++) {
        refusals->refused[kind] = (struct refused){.kind = (enum refusal)kind, .refusals = refusals};
        refusals->refused[kind].quiet = (struct timer){.fire = say_rest, .owner = &refusals->refused[kind]};
    }
}

/* Whether this one is to be logged; then the others of its kind are not, for a while. */
static bool is_said(struct refusals *refusals, enum refusal kind)
{
    struct refused *refused = &refusals->refused[kind];

    if (kind < REFUSALS_COUNTED)
        metric_add(refusals->counts[kind], 1);
    if (refused->quiet.place) {
        refused->unsaid++;
        return false;
    }
    timers_set(refusals->timers, &refused->quiet, clock_ms() + REFUSALS_QUIET_MS);
    return true;
}

static const char *name(const struct ip *client, char address[IP_TEXT_SIZE])
{
    if (!client)
        return "somebody";
    ip_print(client, address);
    return address;
}

void refuse(struct refusals *refusals, enum refusal kind, const struct ip *client)
{
    char address[IP_TEXT_SIZE];

    if (refusals && is_said(refusals, kind))
        log_warn("gateway", "refused %s %s", name(client, address), KINDS[kind].text);
}

void refuse_on(struct refusals *refusals, enum refusal kind, const struct ip *client, const char *ride,
               const char *why)
{
    char address[IP_TEXT_SIZE];

    if (refusals && is_said(refusals, kind))
        log_warn("gateway", "refused %s %s on %s: %s", name(client, address), KINDS[kind].text, ride, why);
}

void refusals_warn_of_proxy(struct refusals *refusals, const struct ip *proxy)
{
    char address[IP_TEXT_SIZE];
    uint64_t now = clock_ms();

    if (!refusals || now < refusals->proxy_quiet_until_ms)
        return;
    refusals->proxy_quiet_until_ms = now + REFUSALS_QUIET_MS;
    ip_print(proxy, address);
    log_warn(
        "gateway",
        "%s sends X-Forwarded-For, and is not in --trusted-proxy: that is ignored, and all who come from "
        "there count as one address; if it is your proxy, and only then, give --trusted-proxy %s",
        address, address);
}
