/* Forks before and after the first call with an idempotency key.
 *
 * usage: ledger_forks before|after|exec OPTIONS_JSON MESSAGE_FORMAT */

#define _XOPEN_SOURCE 700

#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

static const char *format;

static zx_client *new_client(const char *options)
{
    char *error;
    zx_client *client = zx_client_new("key-for-this-test", "workspace-4711", options, &error);

    CHECK_STATUS(client != NULL ? ZX_OK : ZX_INVALID_ARGUMENT, ZX_OK, error);
    return client;
}

/* Sends with the tag as the key. */
static zx_status send_once(const zx_client *client, const char *tag, char **reply)
{
    char message[2048], options[256];

    snprintf(message, sizeof message, format, tag);
    snprintf(options, sizeof options, "{\"idempotency_key\":\"%s\"}", tag);
    return zx_send_reply_buttons_with(client, message, options, NULL, reply);
}

static void must_be_queued(const zx_client *client, const char *tag)
{
    char *reply;
    zx_status status = send_once(client, tag, &reply);

    CHECK_STATUS(status, ZX_OK, reply);
    zx_free(reply);
}

/* Waits for a child, which must have found nothing amiss. */
static void join(pid_t child)
{
    int status;

    CHECK(waitpid(child, &status, 0) == child);
    if (status != 0)
        fprintf(stderr, "the child ended with %d\n", status);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void before(const char *options)
{
    zx_client *client = new_client(options);
    pid_t workers[4];
    int i;

    for (i = 0; i < 4; i++) {
        workers[i] = fork();
        if (workers[i] == 0) {
            char tag[16];

            sprintf(tag, "own-%d", i);
            must_be_queued(client, tag);
            must_be_queued(client, "shared");
            zx_free(client);
            _exit(0);
        }
    }
    must_be_queued(client, "parent");
    for (i = 0; i < 4; i++)
        join(workers[i]);
    zx_free(client);
}

static void must_be_refused(zx_status status, char *reply)
{
    CHECK_STATUS(status, ZX_NOT_SENT, reply);
    CHECK(strstr(reply, "\"retryable\":false") != NULL);
    CHECK(strstr(reply, "forked") != NULL);
    zx_free(reply);
}

static void after(const char *program, const char *options)
{
    zx_client *client = new_client(options);
    pid_t child;

    must_be_queued(client, "before");
    child = fork();
    if (child == 0) {
        zx_client *own = new_client(options);
        char message[2048];
        char *reply;
        zx_status status;

        status = send_once(client, "before", &reply);
        must_be_refused(status, reply);
        status = send_once(client, "child", &reply);
        must_be_refused(status, reply);
        status = send_once(own, "child", &reply);
        must_be_refused(status, reply);
        status = zx_client_unsettled(client, NULL, &reply);
        must_be_refused(status, reply);
        status = zx_client_forget(client, "before", &reply);
        must_be_refused(status, reply);
        snprintf(message, sizeof message, format, "without a key");
        status = zx_send_reply_buttons(client, message, &reply);
        CHECK_STATUS(status, ZX_OK, reply);
        zx_free(reply);
        zx_free(own);
        zx_free(client);
        /* Another program has nothing of its parent's. */
        execl(program, program, "exec", options, format, (char *)NULL);
        _exit(1);
    }
    join(child);
    must_be_queued(client, "after");
    must_be_queued(client, "before");
    zx_free(client);
    /* Nobody has it open any more. */
    child = fork();
    if (child == 0) {
        client = new_client(options);
        must_be_queued(client, "before");
        zx_free(client);
        _exit(0);
    }
    join(child);
}

int main(int argc, char **argv)
{
    CHECK(argc == 4);
    format = argv[3];
    if (strcmp(argv[1], "before") == 0) {
        before(argv[2]);
    } else if (strcmp(argv[1], "after") == 0) {
        after(argv[0], argv[2]);
    } else {
        zx_client *client = new_client(argv[2]);

        must_be_queued(client, "exec");
        zx_free(client);
    }
    return 0;
}
