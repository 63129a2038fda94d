/*
 * What storage.c takes, as environment variables, and what it writes down.
 *
 *     STORAGE_FOLDER            what lies outside of it is left alone
 *     STORAGE_CLOCK_OFFSET      milliseconds that the wall clock is ahead
 *     STORAGE_KILL_AT           the process dies at this many-th operation of those that
 *     STORAGE_KILL_OPERATIONS   are one of these (open write truncate sync rename link unlink mkdir), on a path that
 *     STORAGE_KILL_PATHS        contains one of these; both separated by commas, empty for any
 *     STORAGE_KILL_WHEN         before, after or torn (half of the write); with " all" the first process dies with its child
 *     STORAGE_SKIP_SYNC         syncs of paths that contain one of these do nothing: a planted defect
 *     STORAGE_RECORD            file to which every operation is appended: record_head, path, second path, data
 */
#include <stdint.h>

#define PATH_BYTES 4352
#define RECORD_MAGIC 0x53544f52u

enum operation {
    CREATED = 1,
    WRITTEN = 2,
    TRUNCATED = 3,
    SYNC_BEGUN = 4,
    SYNC_ENDED = 5,
    RENAMED = 6,
    LINKED = 7,
    UNLINKED = 8,
    FOLDER_MADE = 9,
    FOLDER_REMOVED = 10
};

struct record_head {
    uint32_t magic;
    uint32_t operation;
    uint64_t inode;
    uint64_t offset;
    uint64_t length;
    /* Unix milliseconds of the clock that isn't moved. */
    uint64_t time;
    uint32_t path_length;
    uint32_t second_length;
};
