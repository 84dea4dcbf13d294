/*
 * load: a swarm of clients that measures a server, one line of JSON as its result (before it, with --report,
 * one for each part of the window: counts since the start, times of that part).
 *
 * The exit status is 0 when the run took place, whatever its figures are; 1 when it could not (not all
 * clients could connect). With --mode rate it is 2 when an event was lost, came twice, out of order or
 * malformed.
 */
#include "bench/settings.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { RAMP_REFINEMENTS = 2, RAMP_STEPS_MAX = 40, SPARE_DESCRIPTORS = 32, MEMORY_SAMPLE_MS = 100 };

static const uint64_t MS = 1000000;

struct load {
    const struct settings *settings;
    struct swarm_plan plan;
    struct processes servers;
    struct swarm swarm;
};

/* What one measured window came to. */
struct window {
    uint64_t offered;   /* events that were due in it */
    uint64_t delivered; /* deliveries that came in it */
    uint64_t owed;      /* deliveries of the events due in it */
    uint64_t wall_ns, cpu_ns, own_cpu_ns;
    uint64_t resident_peak;
    uint64_t lost; /* owed since the swarm connected, and not there after the drain */
};

static uint64_t own_cpu_ns(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

/* A swarm with all its clients connected, after 0. */
static int connect_swarm(struct load *load)
{
    swarm_init(&load->swarm, &load->plan);
    if (swarm_connect(&load->swarm, load->settings->timeout_ms * MS) == 0)
        return 0;
    fprintf(stderr, "load: %zu of %zu clients connected, %zu were closed\n", load->swarm.ready,
            load->swarm.total, load->swarm.closed);
    swarm_deinit(&load->swarm);
    return -1;
}

/*
 * Publishes `rate` events a second, each when it is due whatever became of those before, from ride to ride
 * and from publisher to publisher. *turn says whose turn it is. Returns how many were due.
 */
static uint64_t publish_steadily(struct load *load, double rate, uint64_t duration_ns, uint64_t *turn,
                                 uint64_t *resident_peak)
{
    struct swarm *swarm = &load->swarm;
    uint64_t start = swarm_now(), now = start, done = 0, sample = start;

    while (now < start + duration_ns) {
        uint64_t due = (uint64_t)((double)(now - start) * rate / 1e9) + 1;

        for (; done < due; done++, ++*turn)
            (void)swarm_publish(swarm, *turn % load->plan.rides,
                                *turn / load->plan.rides % load->plan.publishers);
        swarm_rotate(swarm, now);
        swarm_flush(swarm);
        if (now >= sample) {
            uint64_t resident = processes_resident_bytes(&load->servers);

            *resident_peak = resident > *resident_peak ? resident : *resident_peak;
            sample = now + MEMORY_SAMPLE_MS * MS;
        }
        uint64_t next = start + (uint64_t)((double)done * 1e9 / rate) + 1;

        swarm_turn(swarm, next < start + duration_ns ? next : start + duration_ns);
        now = swarm_now();
    }
    return done;
}

static void print_checks(const struct swarm *swarm, uint64_t lost)
{
    printf(",\"lost\":%llu,\"repeated\":%llu,\"disordered\":%llu,\"malformed\":%llu,\"refused\":%llu,"
           "\"skipped\":%llu,\"closed\":%zu",
           (unsigned long long)lost, (unsigned long long)swarm->repeated,
           (unsigned long long)swarm->disordered, (unsigned long long)swarm->malformed,
           (unsigned long long)swarm->refused, (unsigned long long)swarm->skipped, swarm->closed);
    if (swarm->plan.guests > 0)
        printf(",\"left\":%llu,\"late\":%llu,\"unheard\":%llu,\"ofGuests\":%llu,\"gaps\":%llu,\"back\":%llu",
               (unsigned long long)swarm->left, (unsigned long long)swarm->late,
               (unsigned long long)swarm->unheard, (unsigned long long)swarm->unmarked,
               (unsigned long long)swarm->gaps, (unsigned long long)swarm->back);
}

static void print_latency(const struct histogram *latency)
{
    printf(",\"p50Ms\":%.3f,\"p99Ms\":%.3f,\"maxMs\":%.3f", (double)histogram_quantile(latency, 0.5) / 1e6,
           (double)histogram_quantile(latency, 0.99) / 1e6, (double)latency->max_ns / 1e6);
}

/* What is under way counts as lost here. */
static void print_part(const struct swarm *swarm, uint64_t offered)
{
    printf("{\"offered\":%llu,\"deliveries\":%llu", (unsigned long long)offered,
           (unsigned long long)swarm->delivered);
    print_latency(&swarm->latency);
    print_checks(swarm, swarm->expected - swarm->delivered);
    printf("}\n");
    fflush(stdout);
}

/* Publishes for the window: how many events were due. Its latencies are then in the swarm's histogram. */
static uint64_t publish_window(struct load *load, double rate, uint64_t *turn, uint64_t *resident_peak)
{
    const struct settings *settings = load->settings;
    struct swarm *swarm = &load->swarm;
    struct histogram before = {0}; /* of the parts that are over */
    uint64_t part = settings->report_ms ? settings->report_ms : settings->window_ms, offered = 0;

    for (uint64_t done = 0; done < settings->window_ms; done += part) {
        uint64_t left = settings->window_ms - done;

        memset(&swarm->latency, 0, sizeof swarm->latency);
        offered += publish_steadily(load, rate, (left < part ? left : part) * MS, turn, resident_peak);
        if (settings->report_ms)
            print_part(swarm, offered);
        histogram_merge(&before, &swarm->latency);
    }
    swarm->latency = before;
    return offered;
}

static struct window measure(struct load *load, double rate)
{
    struct swarm *swarm = &load->swarm;
    struct window window = {0};
    uint64_t turn = 0;
    size_t members = load->plan.clients / load->plan.rides;

    double warmup_rate = load->settings->warmup_rate ? (double)load->settings->warmup_rate : rate;

    publish_steadily(load, warmup_rate, load->settings->warmup_ms * MS, &turn, &window.resident_peak);
    swarm->latency_from = swarm_now();
    window.delivered -= swarm->delivered;
    window.wall_ns -= swarm->latency_from;
    window.cpu_ns -= processes_cpu_ns(&load->servers);
    window.own_cpu_ns -= own_cpu_ns();
    window.offered = publish_window(load, rate, &turn, &window.resident_peak);
    window.own_cpu_ns += own_cpu_ns();
    window.cpu_ns += processes_cpu_ns(&load->servers);
    window.wall_ns += swarm_now();
    window.delivered += swarm->delivered;
    window.owed = window.offered * members;
    swarm_run(swarm, swarm_now() + load->settings->drain_ms * MS, true);
    window.lost = swarm->expected - swarm->delivered;
    return window;
}

static uint64_t faults(const struct swarm *swarm)
{
    return swarm->repeated + swarm->disordered + swarm->malformed + swarm->gaps + swarm->back +
           swarm->unheard;
}

static bool kept_up(const struct load *load, const struct window *window)
{
    return window->lost == 0 && load->swarm.closed == 0 && load->swarm.skipped == 0 &&
           1000 * window->delivered >= load->settings->enough_permille * window->owed;
}

static void print_head(const struct load *load)
{
    printf("{\"clients\":%zu,\"stalled\":%zu,\"rides\":%zu,\"publishers\":%zu", load->plan.clients,
           load->plan.stalled, load->plan.rides, load->plan.publishers);
}

static void print_window(const struct load *load, const struct window *window)
{
    double seconds = (double)window->wall_ns / 1e9;
    double delivered = window->delivered > 0 ? (double)window->delivered : 1;

    printf(",\"eventsPerSecond\":%.0f,\"deliveriesPerSecond\":%.0f,\"deliveredRatio\":%.5f",
           (double)window->offered / seconds, (double)window->delivered / seconds,
           (double)window->delivered / (window->owed > 0 ? (double)window->owed : 1));
    printf(",\"cpuNsPerDelivery\":%.1f,\"cpuShare\":%.3f,\"loadCpuNsPerDelivery\":%.1f,\"loadCpuShare\":%.3f",
           (double)window->cpu_ns / delivered, (double)window->cpu_ns / (double)window->wall_ns,
           (double)window->own_cpu_ns / delivered, (double)window->own_cpu_ns / (double)window->wall_ns);
    printf(",\"residentPeakBytes\":%llu,\"residentBytes\":%llu", (unsigned long long)window->resident_peak,
           (unsigned long long)processes_resident_bytes(&load->servers));
    print_latency(&load->swarm.latency);
    print_checks(&load->swarm, window->lost);
}

static int run_rate(struct load *load)
{
    if (connect_swarm(load) != 0)
        return 1;
    struct window window = measure(load, (double)load->settings->rate);
    const struct swarm *swarm = &load->swarm;
    bool clean = window.lost + faults(swarm) == 0;

    print_head(load);
    print_window(load, &window);
    printf(",\"offered\":%llu,\"deliveries\":%llu,\"keptUp\":%s}\n", (unsigned long long)window.offered,
           (unsigned long long)swarm->delivered, kept_up(load, &window) ? "true" : "false");
    swarm_deinit(&load->swarm);
    return clean ? 0 : 2;
}

/* Whether the server keeps up with the rate. If not, the clients are new afterwards. -1: they cannot connect.
 */
static int ramp_step(struct load *load, double rate, struct window *window, uint64_t *found)
{
    *window = measure(load, rate);
    const struct swarm *swarm = &load->swarm;

    *found += faults(swarm);
    fprintf(stderr,
            "load: %.0f events/s: %.2f %% delivered in time, %llu lost, %llu not taken, %zu cut; CPU: server "
            "%.0f %%, "
            "load %.0f %%\n",
            rate, 100.0 * (double)window->delivered / (double)window->owed, (unsigned long long)window->lost,
            (unsigned long long)swarm->skipped, swarm->closed,
            100.0 * (double)window->cpu_ns / (double)window->wall_ns,
            100.0 * (double)window->own_cpu_ns / (double)window->wall_ns);
    if (kept_up(load, window))
        return 1;
    swarm_deinit(&load->swarm);
    return connect_swarm(load);
}

/*
 * Multiplies the rate until the server fails twice to keep up, then halves the step between the best and the
 * first too high one, geometrically.
 */
static int run_ramp(struct load *load)
{
    double factor = (double)load->settings->factor_percent / 100, rate = (double)load->settings->rate;
    struct window window, best = {0};
    struct histogram best_latency = {0};
    uint64_t found = 0;
    unsigned failures = 0;

    if (connect_swarm(load) != 0)
        return 1;
    for (unsigned step = 0; step < RAMP_STEPS_MAX && failures <= RAMP_REFINEMENTS; step++) {
        int kept = ramp_step(load, rate, &window, &found);

        if (kept == 0)
            kept = ramp_step(load, rate, &window, &found);
        if (kept < 0)
            return 1;
        if (kept) {
            best = window;
            best_latency = load->swarm.latency;
        }
        if (best.offered == 0) {
            rate /= factor * factor; /* it started too high */
        } else if (!kept || failures > 0) {
            double exponent = 1.0 / (double)(1u << ++failures);

            rate = kept ? rate * pow(factor, exponent) : rate / pow(factor, exponent);
        } else {
            rate *= factor;
        }
    }
    load->swarm.latency = best_latency;
    print_head(load);
    print_window(load, &best);
    printf(",\"faults\":%llu,\"keptUp\":%s}\n", (unsigned long long)found,
           best.offered > 0 ? "true" : "false");
    swarm_deinit(&load->swarm);
    return 0;
}

/* Every answer is followed by the publisher's next transition. */
static void publish_next(void *context, struct client *client, bool ok)
{
    struct load *load = context;

    (void)ok;
    if (load)
        (void)swarm_publish(&load->swarm, client->ride, client->index / load->plan.rides);
}

static int run_transitions(struct load *load)
{
    struct swarm *swarm = &load->swarm;

    if (connect_swarm(load) != 0)
        return 1;
    swarm->acknowledged = publish_next;
    swarm->context = load;
    for (size_t i = 0; i < load->plan.rides * load->plan.publishers * load->settings->depth; i++)
        (void)swarm_publish(swarm, i % load->plan.rides, i / load->plan.rides % load->plan.publishers);
    swarm_flush(swarm);
    swarm_run(swarm, swarm_now() + load->settings->warmup_ms * MS, false);
    memset(&swarm->latency, 0, sizeof swarm->latency);
    uint64_t start = swarm_now(), acked = swarm->acked, cpu = processes_cpu_ns(&load->servers);

    swarm->latency_from = start;
    swarm_run(swarm, start + load->settings->window_ms * MS, false);
    double seconds = (double)(swarm_now() - start) / 1e9;

    acked = swarm->acked - acked;
    cpu = processes_cpu_ns(&load->servers) - cpu;
    swarm->context = NULL; /* nothing follows the last answers */
    swarm_run(swarm, swarm_now() + load->settings->drain_ms * MS, true);
    print_head(load);
    printf(",\"depth\":%llu,\"acked\":%llu,\"transitionsPerSecond\":%.0f,\"cpuNsPerTransition\":%.1f,"
           "\"cpuShare\":%.3f",
           (unsigned long long)load->settings->depth, (unsigned long long)swarm->acked,
           (double)acked / seconds, (double)cpu / (acked > 0 ? (double)acked : 1),
           (double)cpu / (seconds * 1e9));
    print_latency(&swarm->latency);
    print_checks(swarm, swarm->expected - swarm->delivered);
    printf("}\n");
    swarm_deinit(swarm);
    return 0;
}

static int run_connect(struct load *load)
{
    uint64_t before = processes_resident_bytes(&load->servers), start = swarm_now();
    uint64_t cpu = processes_cpu_ns(&load->servers);

    if (connect_swarm(load) != 0)
        return 1;
    double seconds = (double)(swarm_now() - start) / 1e9;
    double cpu_ns = (double)(processes_cpu_ns(&load->servers) - cpu);

    swarm_run(&load->swarm, swarm_now() + load->settings->hold_ms * MS, false);
    uint64_t after = processes_resident_bytes(&load->servers);

    print_head(load);
    printf(",\"seconds\":%.3f,\"connectionsPerSecond\":%.0f,\"cpuNsPerConnection\":%.0f", seconds,
           (double)load->swarm.total / seconds, cpu_ns / (double)load->swarm.total);
    printf(",\"residentBytes\":%llu,\"bytesPerConnection\":%.0f", (unsigned long long)after,
           ((double)after - (double)before) / (double)load->swarm.total);
    print_checks(&load->swarm, 0);
    printf("}\n");
    swarm_deinit(&load->swarm);
    return 0;
}

static int run(struct load *load)
{
    struct rlimit descriptors;

    if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0) {
        descriptors.rlim_cur = descriptors.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &descriptors);
        if (descriptors.rlim_cur < load->plan.clients + load->plan.stalled + SPARE_DESCRIPTORS) {
            fprintf(stderr, "load: the limit on open files (%llu) is too low for so many clients; raise it\n",
                    (unsigned long long)descriptors.rlim_cur);
            return 1;
        }
    }
    switch ((enum mode)load->settings->mode) {
    case MODE_RATE:
        return run_rate(load);
    case MODE_RAMP:
        return run_ramp(load);
    case MODE_TRANSITIONS:
        return run_transitions(load);
    case MODE_CONNECT:
        return run_connect(load);
    }
    return 1;
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct load load = {.settings = &settings};
    struct buf error;
    int status = 1;

    buf_init(&error, 4096);
    signal(SIGPIPE, SIG_IGN);
    switch (option_load(&settings_program, &settings, sizeof settings, argc, argv, environ, &error)) {
    case OPTION_EXIT:
        status = 0;
        goto out;
    case OPTION_BAD:
        fprintf(stderr, "load: %.*s\n", (int)error.len, error.data);
        goto out;
    case OPTION_OK:
        break;
    }
    if (settings_plan(&settings, &load.plan, &load.servers, &error) == 0)
        status = run(&load);
    else
        fprintf(stderr, "load: %.*s\n", (int)error.len, error.data);
    option_free(&settings_program, &settings);
out:
    buf_deinit(&error);
    return status;
}
