/* Sends one reply-buttons message, given as JSON, and prints what came of it. */

#include <errno.h>

#include "environment.h"

/* Longer messages are refused by the library, so there is no point in reading them. */
enum { LONGEST_MESSAGE = 1024 * 1024 };

static const char usage[] =
    "Usage: send_reply_buttons [FILE]\n"
    "\n"
    "Sends the WhatsApp reply-buttons message in FILE, `-` for standard input, through\n"
    "Zixflow and prints the reply. Without FILE it sends a built-in message, whose recipient\n"
    "is the sandbox's.\n"
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

int main(int argc, char **argv)
{
    int exit_status;
    zx_client *client;
    char *message = NULL;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        return printf("%s", usage) >= 0 && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_TROUBLE;
    }
    if (argc > 2 || (argc == 2 && argv[1][0] == '-' && argv[1][1] != '\0')) {
        fprintf(stderr, "%s", usage);
        return EXIT_USAGE;
    }
    if (argc == 2) {
        message = read_message_from(argv[1]);
        if (message == NULL)
            return EXIT_TROUBLE;
    }
    client = client_from_environment(&exit_status);
    if (client != NULL)
        exit_status = send_and_print(client, message != NULL ? message : built_in_message);
    zx_free(client);
    free(message);
    return exit_status;
}
