/*
 * What each command does. Their number of words has been looked at; each answers, whatever happens.
 */
#ifndef RIDECAST_TESTS_SIM_REDIS_COMMANDS_H
#define RIDECAST_TESTS_SIM_REDIS_COMMANDS_H

#include "tests/sim/redis/server.h"

/* commands_key.c */
void sim_del(struct sim_call *call);
void sim_exists(struct sim_call *call);
void sim_keys(struct sim_call *call);
void sim_persist(struct sim_call *call);
void sim_pexpire(struct sim_call *call);
void sim_pttl(struct sim_call *call);
void sim_type(struct sim_call *call);

/* commands_string.c */
void sim_get(struct sim_call *call);
void sim_getrange(struct sim_call *call);
void sim_set(struct sim_call *call);

/* commands_hash.c */
void sim_hdel(struct sim_call *call);
void sim_hexists(struct sim_call *call);
void sim_hget(struct sim_call *call);
void sim_hgetall(struct sim_call *call);
void sim_hlen(struct sim_call *call);
void sim_hmget(struct sim_call *call);
void sim_hset(struct sim_call *call);

/* commands_scan.c */
void sim_hscan(struct sim_call *call);
void sim_sscan(struct sim_call *call);
void sim_zscan(struct sim_call *call);

/* commands_set.c */
void sim_sadd(struct sim_call *call);
void sim_smembers(struct sim_call *call);
void sim_srandmember(struct sim_call *call);
void sim_srem(struct sim_call *call);

/* commands_zset.c */
void sim_zadd(struct sim_call *call);
void sim_zcard(struct sim_call *call);
void sim_zrangebyscore(struct sim_call *call);
void sim_zrem(struct sim_call *call);
void sim_zremrangebyscore(struct sim_call *call);
void sim_zscore(struct sim_call *call);

/* commands_stream.c */
void sim_xadd(struct sim_call *call);
void sim_xlen(struct sim_call *call);
void sim_xrange(struct sim_call *call);
void sim_xrevrange(struct sim_call *call);

/* commands_server.c */
void sim_auth(struct sim_call *call);
void sim_config(struct sim_call *call);
void sim_flushall(struct sim_call *call);
void sim_info(struct sim_call *call);
void sim_ping(struct sim_call *call);
void sim_role(struct sim_call *call);
void sim_select(struct sim_call *call);
void sim_time(struct sim_call *call);

/* pubsub.c */
void sim_publish_command(struct sim_call *call);
void sim_spublish(struct sim_call *call);
void sim_ssubscribe(struct sim_call *call);
void sim_subscribe(struct sim_call *call);
void sim_sunsubscribe(struct sim_call *call);
void sim_unsubscribe(struct sim_call *call);

/* script.c */
void sim_eval(struct sim_call *call);
void sim_evalsha(struct sim_call *call);
void sim_script(struct sim_call *call);

#endif
