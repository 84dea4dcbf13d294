/*
 * What the broker has told of rides, for comparison with what clients hear. One ledger for a whole input.
 */
#ifndef RIDECAST_TESTS_FUZZ_LEDGER_H
#define RIDECAST_TESTS_FUZZ_LEDGER_H

#include "broker/broker.h"

enum { RIDES = 3, ABOARD_MAX = 64 };

extern const char *const RIDE_NAMES[RIDES];

/* A position that a ride has been at. */
struct entry {
    struct broker_position position;
    enum broker_event_kind kind;
    struct blob *user; /* NULL: a roster */
    int aboard;        /* how many are aboard there; -1: not known */
    unsigned who;      /* the sum of their marks */
    struct entry *prev, *next;
};

/* Writes down what the broker tells. */
void ledger_note(const struct broker_message *message);

/* NULL: the ride has not been there. */
const struct entry *ledger_find(unsigned ride, const struct broker_position *position);

/* Whether clients that have had everything up to `from` have had everything up to `to`: no event in between,
 * but for those that are told to nobody. */
bool ledger_leads(unsigned ride, const struct broker_position *from, uint64_t to);

/* A number that stands for an id. */
unsigned ledger_mark(const char *id);

/* As far as the ride has come. */
const struct broker_position *ledger_last(unsigned ride);

/* Forgets everything. */
void ledger_clear(void);

#endif
