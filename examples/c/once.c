/* Sends each message of its standard input once, though it may be killed at any moment, and started again
 * with the same input, also by several at the same time: each line is a key, a space, and a message as
 * JSON. For each it prints the key, the status and the reply. */

#include "environment.h"

/* A key has at most 256 bytes, and a message 1 MiB. */
enum { LONGEST_LINE = 1024 * 1024 + 512 };

static const char usage[] =
    "Usage: once LEDGER < LINES\n"
    "\n"
    "Each line is an idempotency key, a space, and a message. LEDGER is a file that remembers\n"
    "what was sent; it is made where there is none.\n"
    "\n" ENVIRONMENT_USAGE;

/* Sends one message, and says what came of it. Returns whether it is queued. */
static int send_once(const zx_client *client, const char *key, const char *message)
{
    /* Each byte of the key may need six. */
    char options[6 * 256 + 64];
    char *end = options + sprintf(options, "{\"idempotency_key\":");
    char *reply;
    zx_status status;

    if (strlen(key) > 256) {
        fprintf(stderr, "%s: the key is longer than 256 bytes\n", key);
        return 0;
    }
    append_json_string(&end, key);
    strcpy(end, "}");
    status = zx_send_reply_buttons_with(client, message, options, NULL, &reply);
    printf("%s %s ", key, zx_status_name(status));
    return print_reply(reply, status) == EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    int exit_status = EXIT_SUCCESS;
    zx_client *client;
    char *line;

    if (argc != 2) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    ledger_file = argv[1];
    client = client_from_environment(&exit_status);
    if (client == NULL)
        return exit_status;
    line = malloc(LONGEST_LINE);
    while (line != NULL && fgets(line, LONGEST_LINE, stdin) != NULL) {
        char *message = strchr(line, ' ');

        line[strcspn(line, "\n")] = '\0';
        if (message == NULL) {
            fprintf(stderr, "%s: no message follows the key\n", line);
            exit_status = EXIT_TROUBLE;
            continue;
        }
        *message++ = '\0';
        if (!send_once(client, line, message))
            exit_status = EXIT_TROUBLE;
    }
    free(line);
    zx_free(client);
    return exit_status;
}
