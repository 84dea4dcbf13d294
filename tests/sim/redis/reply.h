/*
 * Answers in RESP 2, appended to what a command's answer is so far.
 */
#ifndef RIDECAST_TESTS_SIM_REDIS_REPLY_H
#define RIDECAST_TESTS_SIM_REDIS_REPLY_H

#include "tests/sim/redis/server.h"

void sim_reply_raw(struct buf *out, struct bytes bytes);
void sim_reply_status(struct buf *out, const char *text);
void sim_reply_number(struct buf *out, long long number);
void sim_reply_bytes(struct buf *out, struct bytes bytes);
void sim_reply_text(struct buf *out, const char *text);
void sim_reply_score(struct buf *out, double score);
void sim_reply_nil(struct buf *out);
void sim_reply_nil_list(struct buf *out);
void sim_reply_list(struct buf *out, size_t count);

/* Line ends in it become spaces, and none are left at its end. */
void sim_reply_error(struct buf *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Errors that many commands know. */
#define SIM_SYNTAX     "ERR syntax error"
#define SIM_NO_INTEGER "ERR value is not an integer or out of range"
#define SIM_WRONG_TYPE "WRONGTYPE Operation against a key holding the wrong kind of value"

/* A whole number among the arguments. Answers an error and is false if it is none. */
bool sim_arg_number(struct sim_call *call, size_t arg, long long *value);

#endif
