/*
 * Stands between a program and its file system (LD_PRELOAD): counts what changes files under one folder, and ends the
 * process with SIGKILL at the operation it was told, or writes down every operation so that a loss of power can be played
 * afterwards. It also moves the wall clock. See storage.h for what it takes, POSIX for what it stands in for.
 */
#define _GNU_SOURCE
#include "storage.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_BYTES];
static size_t folder_length;
static int record = -1;
static long kill_at;
static long counted;
static const char *kill_operations;
static const char *kill_paths;
static const char *kill_when;
static const char *skip_paths;
static pid_t first_process;
static long long offset_milliseconds;
static char *saved[16];
static int saved_count;

/* Kept for the children too. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL || saved_count == 16)
        return NULL;
    char *both;
    if (asprintf(&both, "%s=%s", name, value) < 0)
        return NULL;
    saved[saved_count++] = both;
    return both + strlen(name) + 1;
}

__attribute__((constructor)) static void begin(void)
{
    variable("LD_PRELOAD");
    const char *path = variable("STORAGE_FOLDER");
    if (path != NULL) {
        snprintf(folder, sizeof folder, "%s", path);
        folder_length = strlen(folder);
    }
    const char *moved = variable("STORAGE_CLOCK_OFFSET");
    offset_milliseconds = moved == NULL ? 0 : atoll(moved);
    const char *target = variable("STORAGE_RECORD");
    if (target != NULL)
        record = (int)syscall(SYS_openat, AT_FDCWD, target,
                              O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const char *at = variable("STORAGE_KILL_AT");
    kill_at = at == NULL ? 0 : atol(at);
    kill_operations = variable("STORAGE_KILL_OPERATIONS");
    kill_paths = variable("STORAGE_KILL_PATHS");
    kill_when = variable("STORAGE_KILL_WHEN");
    skip_paths = variable("STORAGE_SKIP_SYNC");
    const char *first = variable("STORAGE_FIRST_PROCESS");
    first_process = first == NULL ? getpid() : (pid_t)atol(first);
    if (first == NULL && saved_count < 16 &&
        asprintf(&saved[saved_count], "STORAGE_FIRST_PROCESS=%d", (int)first_process) > 0)
        saved_count += 1;
}

/* The names to look for are separated by commas; an empty list holds everything. */
static int listed(const char *list, const char *text, int whole)
{
    if (list == NULL || *list == 0)
        return 1;
    for (const char *at = list; *at != 0;) {
        size_t length = strcspn(at, ",");
        char one[256];
        snprintf(one, sizeof one, "%.*s", (int)length, at);
        if (whole ? strcmp(one, text) == 0 : strstr(text, one) != NULL)
            return 1;
        at += length + (at[length] == ',');
    }
    return 0;
}

static int inside(const char *path)
{
    return folder_length > 0 && strncmp(path, folder, folder_length) == 0 &&
           (path[folder_length] == '/' || path[folder_length] == 0);
}

static int resolve(int directory, const char *path, char *into)
{
    if (path[0] == '/') {
        snprintf(into, PATH_BYTES, "%s", path);
    } else {
        char base[PATH_BYTES / 2];
        char link[64];
        snprintf(link, sizeof link, directory == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d",
                 directory);
        ssize_t length = readlink(link, base, sizeof base - 1);
        if (length <= 0)
            return 0;
        base[length] = 0;
        snprintf(into, PATH_BYTES, "%s/%.2000s", base, path);
    }
    size_t end = strlen(into);
    while (end > 1 && into[end - 1] == '/')
        into[--end] = 0;
    return inside(into);
}

/* Whether the descriptor is a file or folder of ours; its path and number in the file system. */
static int ours(int descriptor, char *path, uint64_t *inode)
{
    struct stat found;
    if (folder_length == 0 || fstat(descriptor, &found) != 0)
        return 0;
    if (!S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode))
        return 0;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, PATH_BYTES - 1);
    if (length <= 0)
        return 0;
    path[length] = 0;
    *inode = found.st_ino;
    return inside(path);
}

static void write_record(enum operation operation, uint64_t inode, uint64_t offset,
                         const char *path, const char *second, const void *data, uint64_t length)
{
    if (record < 0)
        return;
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
    struct record_head head = {RECORD_MAGIC,
                               operation,
                               inode,
                               offset,
                               length,
                               (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000,
                               (uint32_t)strlen(path),
                               (uint32_t)strlen(second)};
    struct iovec parts[] = {{&head, sizeof head},
                            {(void *)(uintptr_t)path, head.path_length},
                            {(void *)(uintptr_t)second, head.second_length},
                            {(void *)(uintptr_t)data, data == NULL ? 0 : length}};
    syscall(SYS_writev, record, parts, 4);
}

static void end_process(void)
{
    if (getpid() != first_process && strstr(kill_when, "all") != NULL)
        kill(first_process, SIGKILL);
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Counts the operation. 1: it is the one to die at. */
static int is_last(const char *operation, const char *path)
{
    if (kill_at == 0 || kill_when == NULL)
        return 0;
    if (!listed(kill_operations, operation, 1) || !listed(kill_paths, path, 0))
        return 0;
    counted += 1;
    return counted == kill_at;
}

static int dies_before(int last)
{
    if (last && strstr(kill_when, "before") != NULL)
        end_process();
    return last;
}

static void dies_after(int last)
{
    if (last)
        end_process();
}

/* Opening. */

static int open_at(int directory, const char *path, int flags, mode_t mode)
{
    char full[PATH_BYTES];
    int mine = (flags & (O_CREAT | O_TRUNC)) != 0 && resolve(directory, path, full);
    if (!mine)
        return (int)syscall(SYS_openat, directory, path, flags, mode);
    pthread_mutex_lock(&lock);
    int existed = syscall(SYS_faccessat, AT_FDCWD, full, F_OK) == 0;
    int last = existed && !(flags & O_TRUNC) ? 0 : dies_before(is_last("open", full));
    int descriptor = (int)syscall(SYS_openat, directory, path, flags, mode);
    int reason = errno;
    struct stat found;
    if (descriptor >= 0 && fstat(descriptor, &found) == 0) {
        if (!existed)
            write_record(CREATED, found.st_ino, 0, full, "", NULL, 0);
        else if (flags & O_TRUNC)
            write_record(TRUNCATED, found.st_ino, 0, full, "", NULL, 0);
    }
    dies_after(last);
    pthread_mutex_unlock(&lock);
    errno = reason;
    return descriptor;
}

#define WITH_MODE(flags, mode)                                                                     \
    mode_t mode = 0;                                                                               \
    if ((flags) & O_CREAT) {                                                                       \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode = va_arg(rest, mode_t);                                                               \
        va_end(rest);                                                                              \
    }

int open(const char *path, int flags, ...)
{
    WITH_MODE(flags, mode)
    return open_at(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    WITH_MODE(flags, mode)
    return open_at(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

int openat(int directory, const char *path, int flags, ...)
{
    WITH_MODE(flags, mode)
    return open_at(directory, path, flags, mode);
}

int openat64(int directory, const char *path, int flags, ...)
{
    WITH_MODE(flags, mode)
    return open_at(directory, path, flags | O_LARGEFILE, mode);
}

/* Writing. A negative offset is the file's own position. */

static ssize_t write_out(int descriptor, const struct iovec *parts, int count, off_t offset)
{
    if (offset >= 0)
        return syscall(SYS_pwritev, descriptor, parts, count, (long)offset, 0L);
    return syscall(SYS_writev, descriptor, parts, count);
}

static ssize_t write_parts(int descriptor, const struct iovec *parts, int count, off_t offset)
{
    char path[PATH_BYTES];
    uint64_t inode;
    if (!ours(descriptor, path, &inode))
        return write_out(descriptor, parts, count, offset);
    pthread_mutex_lock(&lock);
    int last = dies_before(is_last("write", path));
    if (last && strstr(kill_when, "torn") != NULL && count > 0) {
        struct iovec half = {parts[0].iov_base, (parts[0].iov_len + 1) / 2};
        write_out(descriptor, &half, 1, offset);
        end_process();
    }
    ssize_t written = write_out(descriptor, parts, count, offset);
    int reason = errno;
    if (written > 0 && record >= 0) {
        off_t at = offset >= 0 ? offset : lseek(descriptor, 0, SEEK_CUR) - written;
        ssize_t left = written;
        for (int part = 0; part < count && left > 0; part += 1) {
            ssize_t length = left < (ssize_t)parts[part].iov_len ? left : (ssize_t)parts[part].iov_len;
            write_record(WRITTEN, inode, (uint64_t)at, path, "", parts[part].iov_base,
                         (uint64_t)length);
            at += length;
            left -= length;
        }
    }
    dies_after(last);
    pthread_mutex_unlock(&lock);
    errno = reason;
    return written;
}

ssize_t write(int descriptor, const void *data, size_t length)
{
    struct iovec part = {(void *)(uintptr_t)data, length};
    return write_parts(descriptor, &part, 1, -1);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count)
{
    return write_parts(descriptor, parts, count, -1);
}

ssize_t pwrite(int descriptor, const void *data, size_t length, off_t offset)
{
    struct iovec part = {(void *)(uintptr_t)data, length};
    return write_parts(descriptor, &part, 1, offset);
}

ssize_t pwrite64(int descriptor, const void *data, size_t length, off64_t offset)
{
    return pwrite(descriptor, data, length, offset);
}

ssize_t pwritev(int descriptor, const struct iovec *parts, int count, off_t offset)
{
    return write_parts(descriptor, parts, count, offset);
}

ssize_t pwritev64(int descriptor, const struct iovec *parts, int count, off64_t offset)
{
    return write_parts(descriptor, parts, count, offset);
}

int ftruncate(int descriptor, off_t length)
{
    char path[PATH_BYTES];
    uint64_t inode;
    if (!ours(descriptor, path, &inode))
        return (int)syscall(SYS_ftruncate, descriptor, length);
    pthread_mutex_lock(&lock);
    int last = dies_before(is_last("truncate", path));
    int result = (int)syscall(SYS_ftruncate, descriptor, length);
    int reason = errno;
    if (result == 0)
        write_record(TRUNCATED, inode, (uint64_t)length, path, "", NULL, 0);
    dies_after(last);
    pthread_mutex_unlock(&lock);
    errno = reason;
    return result;
}

int ftruncate64(int descriptor, off64_t length)
{
    return ftruncate(descriptor, length);
}

/* Syncing. What was written before it begins is safe when it ends, and only then. */

static int sync_with(long call, int descriptor)
{
    char path[PATH_BYTES];
    uint64_t inode;
    if (!ours(descriptor, path, &inode))
        return (int)syscall(call, descriptor);
    pthread_mutex_lock(&lock);
    int last = dies_before(is_last("sync", path));
    if (skip_paths != NULL && *skip_paths != 0 && listed(skip_paths, path, 0)) {
        pthread_mutex_unlock(&lock);
        return 0;
    }
    write_record(SYNC_BEGUN, inode, 0, path, "", NULL, 0);
    pthread_mutex_unlock(&lock);
    /* Recording, nothing is at stake on the disk that is really there. */
    int result = record >= 0 ? 0 : (int)syscall(call, descriptor);
    int reason = errno;
    pthread_mutex_lock(&lock);
    if (result == 0)
        write_record(SYNC_ENDED, inode, 0, path, "", NULL, 0);
    dies_after(last);
    pthread_mutex_unlock(&lock);
    errno = reason;
    return result;
}

int fsync(int descriptor)
{
    return sync_with(SYS_fsync, descriptor);
}

int fdatasync(int descriptor)
{
    return sync_with(SYS_fdatasync, descriptor);
}

/* Names. */

static int rename_at(int from_folder, const char *from, int to_folder, const char *to,
                     unsigned int flags)
{
    char source[PATH_BYTES];
    char target[PATH_BYTES];
    int mine = resolve(from_folder, from, source);
    mine = resolve(to_folder, to, target) && mine;
    if (!mine)
        return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
    pthread_mutex_lock(&lock);
    int last = dies_before(is_last("rename", target));
    int result = (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
    int reason = errno;
    if (result == 0)
        write_record(RENAMED, 0, 0, source, target, NULL, 0);
    dies_after(last);
    pthread_mutex_unlock(&lock);
    errno = reason;
    return result;
}

int rename(const char *from, const char *to)
{
    return rename_at(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    return rename_at(from_folder, from, to_folder, to, 0);
}

int link(const char *from, const char *to)
{
    char source[PATH_BYTES];
    char target[PATH_BYTES];
    int mine = resolve(AT_FDCWD, from, source);
    mine = resolve(AT_FDCWD, to, target) && mine;
    pthread_mutex_lock(&lock);
    int last = mine ? dies_before(is_last("link", target)) : 0;
    int result = (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
    int reason = errno;
    if (mine && result == 0)
        write_record(LINKED, 0, 0, source, target, NULL, 0);
    dies_after(last);
    pthread_mutex_unlock(&lock);
    errno = reason;
    return result;
}

static int remove_at(int directory, const char *path, int flags)
{
    char full[PATH_BYTES];
    if (!resolve(directory, path, full))
        return (int)syscall(SYS_unlinkat, directory, path, flags);
    pthread_mutex_lock(&lock);
    int last = dies_before(is_last("unlink", full));
    int result = (int)syscall(SYS_unlinkat, directory, path, flags);
    int reason = errno;
    if (result == 0)
        write_record(flags & AT_REMOVEDIR ? FOLDER_REMOVED : UNLINKED, 0, 0, full, "", NULL, 0);
    dies_after(last);
    pthread_mutex_unlock(&lock);
    errno = reason;
    return result;
}

int unlink(const char *path)
{
    return remove_at(AT_FDCWD, path, 0);
}

int unlinkat(int directory, const char *path, int flags)
{
    return remove_at(directory, path, flags);
}

int rmdir(const char *path)
{
    return remove_at(AT_FDCWD, path, AT_REMOVEDIR);
}

int remove(const char *path)
{
    struct stat found;
    if (lstat(path, &found) == 0 && S_ISDIR(found.st_mode))
        return rmdir(path);
    return unlink(path);
}

static int make_folder(int directory, const char *path, mode_t mode)
{
    char full[PATH_BYTES];
    if (!resolve(directory, path, full))
        return (int)syscall(SYS_mkdirat, directory, path, mode);
    pthread_mutex_lock(&lock);
    int last = dies_before(is_last("mkdir", full));
    int result = (int)syscall(SYS_mkdirat, directory, path, mode);
    int reason = errno;
    if (result == 0)
        write_record(FOLDER_MADE, 0, 0, full, "", NULL, 0);
    dies_after(last);
    pthread_mutex_unlock(&lock);
    errno = reason;
    return result;
}

int mkdir(const char *path, mode_t mode)
{
    return make_folder(AT_FDCWD, path, mode);
}

int mkdirat(int directory, const char *path, mode_t mode)
{
    return make_folder(directory, path, mode);
}

/* Children go on under the same eyes, whatever environment they are given. */

int execvp(const char *file, char *const arguments[])
{
    static char *variables[512];
    int count = 0;
    for (char **at = environ; at != NULL && *at != NULL && count < 480; at += 1)
        if (strncmp(*at, "LD_PRELOAD=", 11) != 0 && strncmp(*at, "STORAGE_", 8) != 0)
            variables[count++] = *at;
    for (int at = 0; at < saved_count; at += 1)
        variables[count++] = saved[at];
    variables[count] = NULL;
    return execvpe(file, arguments, variables);
}

/* The wall clock. */

int clock_gettime(clockid_t clock, struct timespec *time)
{
    static int (*real_clock_gettime)(clockid_t, struct timespec *);
    if (real_clock_gettime == NULL)
        real_clock_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real_clock_gettime(clock, time);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        time->tv_sec += offset_milliseconds / 1000;
        time->tv_nsec += (offset_milliseconds % 1000) * 1000000L;
        if (time->tv_nsec >= 1000000000L) {
            time->tv_sec += 1;
            time->tv_nsec -= 1000000000L;
        }
    }
    return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    (void)zone;
    struct timespec now;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    if (result == 0) {
        time->tv_sec = now.tv_sec;
        time->tv_usec = now.tv_nsec / 1000;
    }
    return result;
}
