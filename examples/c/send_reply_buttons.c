/* Sends one reply-buttons message, given as JSON, says what came of it and what to do, and prints the
 * reply. The packages have it as zixflow-send. */

#include <errno.h>

#include "environment.h"

/* Longer messages are refused by the library, so there is no point in reading them. */
enum { LONGEST_MESSAGE = 1024 * 1024 };

static const char usage[] =
    " [FILE]\n"
    "       zixflow-send --ledger LEDGER --key KEY [FILE]\n"
    "       zixflow-send --ledger LEDGER --unsettled\n"
    "\n"
    "Sends the WhatsApp reply-buttons message in FILE, `-` for standard input, through\n"
    "Zixflow. Without FILE it sends a built-in message, whose recipient is the sandbox's.\n"
    "It prints the reply, which is JSON, on standard output, and on standard error what\n"
    "came of the message and what to do.\n"
    "\n"
    "  --ledger LEDGER  a file that remembers what was sent; made where there is none\n"
    "  --key KEY        names the message in the ledger, which never sends it twice\n"
    "  --unsettled      lists the ledger's messages whose outcome is unknown, as JSON\n"
    "  -h, --help       this text\n"
    "  --version        the library's version\n"
    "\n" ENVIRONMENT_USAGE "\n" EXIT_STATUS_USAGE;

static const char built_in_message[] =
    "{\n"
    "  \"recipient\": \"15550100001\",\n"
    "  \"phone_id\": \"104857600000001\",\n"
    "  \"interactive\": {\n"
    "    \"type\": \"button\",\n"
    "    \"body\": {\"text\": \"Your table is booked for 7 pm. See you then?\"},\n"
    "    \"action\": {\n"
    "      \"buttons\": [\n"
    "        {\"type\": \"reply\", \"reply\": {\"id\": \"confirm\", \"title\": \"Confirm\"}},\n"
    "        {\"type\": \"reply\", \"reply\": {\"id\": \"cancel\", \"title\": \"Cancel\"}}\n"
    "      ]\n"
    "    }\n"
    "  }\n"
    "}\n";

/* Reads a message of LONGEST_MESSAGE bytes at most. Returns it, to be released with free(), or
 * NULL after saying why on standard error. */
static char *read_message(FILE *file, const char *name)
{
    /* One byte more than may come tells a message that is too long from one that just fits. */
    char *message = malloc(LONGEST_MESSAGE + 1);
    const char *problem = NULL;
    size_t length;

    if (message == NULL) {
        fprintf(stderr, "Out of memory.\n");
        return NULL;
    }
    errno = 0;
    length = fread(message, 1, LONGEST_MESSAGE + 1, file);
    if (ferror(file))
        problem = errno != 0 ? strerror(errno) : "cannot be read";
    else if (length > LONGEST_MESSAGE)
        problem = "is longer than 1 MiB";
    else if (memchr(message, '\0', length) != NULL)
        problem = "is not text: it holds a NUL byte";
    if (problem != NULL) {
        fprintf(stderr, "%s: %s\n", name, problem);
        free(message);
        return NULL;
    }
    message[length] = '\0';
    return message;
}

static char *read_message_from(const char *name)
{
    FILE *file;
    char *message;

    if (strcmp(name, "-") == 0)
        return read_message(stdin, "standard input");
    file = fopen(name, "rb");
    if (file == NULL) {
        perror(name);
        return NULL;
    }
    message = read_message(file, name);
    fclose(file);
    return message;
}

/* What to do after a send that ended so. */
static const char *advice(zx_status status, int is_retryable)
{
    switch (status) {
    case ZX_OK:
        return "nothing: it is queued, and what becomes of it comes to its post_back_url";
    case ZX_INVALID_ARGUMENT:
        return "correct the call: this program has a bug";
    case ZX_INVALID_MESSAGE:
        return "correct the message";
    case ZX_UNAUTHORIZED:
        return "check the API key and the workspace ID";
    case ZX_REJECTED:
    case ZX_BUSY:
    case ZX_NOT_SENT:
        if (is_retryable)
            return "send it again later: it was not queued, so it cannot come twice";
        return "find out why: it was not queued, and sending it again would not help";
    case ZX_OUTCOME_UNKNOWN:
        return "do not send it again: it may be queued; its post_back_url will tell";
    default:
        return "report it: the library has a bug; and the message may be queued";
    }
}

/* Says one value of a reply behind its name, if it is there. */
static void say_value(const char *name, const char *reply, const char *pointer)
{
    char *value = zx_json_get(reply, pointer);

    if (value != NULL)
        fprintf(stderr, "%s: %s\n", name, value);
    zx_free(value);
}

/* Says each problem on a line of its own. */
static void say_problems(const char *reply)
{
    int i;

    for (i = 0;; i++) {
        char pointer[64];
        char *path, *message;

        sprintf(pointer, "/problems/%d/path", i);
        path = zx_json_get(reply, pointer);
        sprintf(pointer, "/problems/%d/message", i);
        message = zx_json_get(reply, pointer);
        if (message != NULL)
            fprintf(stderr, "problem: %s %s\n",
                    path != NULL && *path != '\0' ? path : "the message", message);
        zx_free(path);
        zx_free(message);
        if (message == NULL)
            return;
    }
}

/* Sends the message, under a key where there is one. */
static zx_status send_message(const zx_client *client, const char *message, const char *key,
                              char **reply)
{
    zx_status status;
    char *options, *end;

    if (key == NULL)
        return zx_send_reply_buttons(client, message, reply);
    options = malloc(6 * strlen(key) + sizeof "{\"idempotency_key\":\"\"}");
    if (options == NULL) {
        fprintf(stderr, "Out of memory.\n");
        exit(EXIT_TROUBLE);
    }
    end = options + sprintf(options, "{\"idempotency_key\":");
    append_json_string(&end, key);
    strcpy(end, "}");
    status = zx_send_reply_buttons_with(client, message, options, NULL, reply);
    free(options);
    return status;
}

/* Sends the message, says what came of it, prints the reply, and returns what to exit with. */
static int send_and_advise(const zx_client *client, const char *message, const char *key)
{
    char *reply;
    zx_status status = send_message(client, message, key, &reply);
    char *retryable = zx_json_get(reply, "/retryable");
    int is_retryable = retryable != NULL && strcmp(retryable, "true") == 0;

    zx_free(retryable);
    fprintf(stderr, "outcome: %s\n", zx_status_name(status));
    say_value("request ID", reply, "/request_id");
    say_value("message", reply, "/message");
    say_problems(reply);
    fprintf(stderr, "to do: %s\n", advice(status, is_retryable));
    say_value("pause in ms", reply, "/retry_after_ms");
    return print_reply(reply, status);
}

/* Prints each page of the list, a thousand messages at most, and returns what to exit with. */
static int list_unsettled(const zx_client *client)
{
    char *after = NULL;
    int exit_status;

    do {
        char *list;
        zx_status status = zx_client_unsettled(client, after, &list);

        zx_free(after);
        /* Only a full page has another behind it. */
        after = zx_json_get(list, "/entries/999/idempotency_key");
        exit_status = print_reply(list, status);
    } while (exit_status == EXIT_SUCCESS && after != NULL);
    zx_free(after);
    return exit_status;
}

/* Returns what to exit with after something was printed. */
static int printed(int result)
{
    if (result >= 0 && fflush(stdout) == 0)
        return EXIT_SUCCESS;
    perror("standard output");
    return EXIT_TROUBLE;
}

int main(int argc, char **argv)
{
    int exit_status;
    zx_client *client;
    char *message = NULL;
    const char *file = NULL, *key = NULL;
    int is_list = 0, is_wrong = 0, i;
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *name = slash != NULL ? slash + 1 : argc > 0 ? argv[0] : "zixflow-send";

    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
        return printed(printf("Usage: %s%s", name, usage));
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return printed(printf("%s %s\n", name, zx_version()));
    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--ledger") == 0 && i + 1 < argc)
            ledger_file = argv[++i];
        else if (strcmp(argv[i], "--key") == 0 && i + 1 < argc)
            key = argv[++i];
        else if (strcmp(argv[i], "--unsettled") == 0)
            is_list = 1;
        else if (file == NULL && (argv[i][0] != '-' || argv[i][1] == '\0'))
            file = argv[i];
        else
            is_wrong = 1;
    }
    if (is_list && (key != NULL || file != NULL))
        is_wrong = 1;
    if (is_wrong || (ledger_file == NULL && (is_list || key != NULL))) {
        fprintf(stderr, "Usage: %s%s", name, usage);
        return EXIT_USAGE;
    }
    if (file != NULL) {
        message = read_message_from(file);
        if (message == NULL)
            return EXIT_TROUBLE;
    }
    client = client_from_environment(&exit_status);
    if (client != NULL)
        exit_status = is_list ? list_unsettled(client)
                              : send_and_advise(client, message != NULL ? message : built_in_message,
                                                key);
    zx_free(client);
    free(message);
    return exit_status;
}
