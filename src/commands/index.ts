/** The commands of all families; the node's own commands (CONFIG, CLUSTER, …) stand in server/. */

import { BIT_FAMILY } from './bitmap/bits.js'
import { BIT_COMBINE_FAMILY } from './bitmap/combine.js'
import { BIT_COUNT_FAMILY } from './bitmap/count.js'
import { BIT_FIELD_FAMILY } from './bitmap/field.js'
import type { Command } from './command.js'
import { DUMP_FAMILY } from './generic/dump.js'
import { EXPIRY_FAMILY } from './generic/expiry.js'
import { FLUSH_FAMILY } from './generic/flush.js'
import { KEY_FAMILY } from './generic/keys.js'
import { MIGRATE_FAMILY } from './generic/migrate.js'
import { OBJECT_FAMILY } from './generic/object.js'
import { RENAME_FAMILY } from './generic/rename.js'
import { SCAN_FAMILY } from './generic/scan.js'
import { SORT_FAMILY } from './generic/sort.js'
import { PLACE_FAMILY } from './geo/places.js'
import { GEO_SEARCH_FAMILY } from './geo/searches.js'
import { HASH_COUNTER_FAMILY } from './hash/counters.js'
import { FIELD_EXPIRY_FAMILY } from './hash/expiry.js'
import { FIELD_FAMILY } from './hash/fields.js'
import { FIELD_VALUE_FAMILY } from './hash/values.js'
import { WHOLE_HASH_FAMILY } from './hash/whole.js'
import { HYPERLOGLOG_DEBUG_FAMILY } from './hyperloglog/debug.js'
import { HYPERLOGLOG_FAMILY } from './hyperloglog/elements.js'
import { BLOCKING_LIST_FAMILY } from './list/blocking.js'
import { LIST_ELEMENT_FAMILY } from './list/elements.js'
import { LIST_END_FAMILY } from './list/ends.js'
import { ALGEBRA_FAMILY } from './set/algebra.js'
import { MEMBER_FAMILY } from './set/members.js'
import { RANDOM_MEMBER_FAMILY } from './set/random.js'
import { STREAM_ADD_FAMILY } from './stream/add.js'
import { STREAM_CLAIM_FAMILY } from './stream/claim.js'
import { STREAM_GROUP_FAMILY } from './stream/groups.js'
import { STREAM_INFO_FAMILY } from './stream/info.js'
import { STREAM_PENDING_FAMILY } from './stream/pending.js'
import { STREAM_READ_FAMILY } from './stream/read.js'
import { STREAM_FAMILY } from './stream/whole.js'
import { CONDITIONAL_FAMILY } from './string/conditional.js'
import { COUNTER_FAMILY } from './string/counters.js'
import { FLOAT_FAMILY } from './string/float.js'
import { GET_AND_FAMILY } from './string/get-and.js'
import { SET_FAMILY } from './string/get-set.js'
import { LCS_FAMILY } from './string/lcs.js'
import { MSETEX_FAMILY } from './string/msetex.js'
import { MULTI_FAMILY } from './string/multi.js'
import { RANGE_FAMILY } from './string/ranges.js'
import { SORTED_ALGEBRA_FAMILY } from './zset/algebra.js'
import { BLOCKING_SORTED_FAMILY } from './zset/blocking.js'
import { SORTED_MEMBER_FAMILY } from './zset/members.js'
import { SORTED_POP_FAMILY } from './zset/pop.js'
import { SORTED_RANGE_FAMILY } from './zset/ranges.js'
import { RANK_FAMILY } from './zset/ranks.js'
import { WHOLE_SORTED_FAMILY } from './zset/whole.js'

export const COMMANDS: readonly Command[] = [
  ...SET_FAMILY,
  ...GET_AND_FAMILY,
  ...COUNTER_FAMILY,
  ...FLOAT_FAMILY,
  ...RANGE_FAMILY,
  ...MULTI_FAMILY,
  ...CONDITIONAL_FAMILY,
  ...MSETEX_FAMILY,
  ...LCS_FAMILY,
  ...BIT_FAMILY,
  ...BIT_COUNT_FAMILY,
  ...BIT_COMBINE_FAMILY,
  ...BIT_FIELD_FAMILY,
  ...HYPERLOGLOG_FAMILY,
  ...HYPERLOGLOG_DEBUG_FAMILY,
  ...LIST_END_FAMILY,
  ...LIST_ELEMENT_FAMILY,
  ...BLOCKING_LIST_FAMILY,
  ...FIELD_FAMILY,
  ...HASH_COUNTER_FAMILY,
  ...WHOLE_HASH_FAMILY,
  ...FIELD_EXPIRY_FAMILY,
  ...FIELD_VALUE_FAMILY,
  ...MEMBER_FAMILY,
  ...RANDOM_MEMBER_FAMILY,
  ...ALGEBRA_FAMILY,
  ...SORTED_MEMBER_FAMILY,
  ...RANK_FAMILY,
  ...SORTED_RANGE_FAMILY,
  ...SORTED_POP_FAMILY,
  ...BLOCKING_SORTED_FAMILY,
  ...WHOLE_SORTED_FAMILY,
  ...SORTED_ALGEBRA_FAMILY,
  ...STREAM_ADD_FAMILY,
  ...STREAM_FAMILY,
  ...STREAM_READ_FAMILY,
  ...STREAM_GROUP_FAMILY,
  ...STREAM_PENDING_FAMILY,
  ...STREAM_CLAIM_FAMILY,
  ...STREAM_INFO_FAMILY,
  ...PLACE_FAMILY,
  ...GEO_SEARCH_FAMILY,
  ...KEY_FAMILY,
  ...EXPIRY_FAMILY,
  ...RENAME_FAMILY,
  ...SCAN_FAMILY,
  ...SORT_FAMILY,
  ...OBJECT_FAMILY,
  ...DUMP_FAMILY,
  ...MIGRATE_FAMILY,
  ...FLUSH_FAMILY,
]
