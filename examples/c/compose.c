/* Composes a message from a struct, without writing JSON by hand, and sends it. */

#include "environment.h"

static const char usage[] =
    "Usage: compose NAME [RECIPIENT]\n"
    "\n"
    "Sends \"Hello NAME, ...\" through Zixflow and prints the reply. NAME may hold anything that\n"
    "UTF-8 can: quotes, emoji, line breaks. RECIPIENT is the sandbox's unless given.\n"
    "\n" ENVIRONMENT_USAGE "\n" EXIT_STATUS_USAGE;

/* Returns "Hello NAME, ...", to be released with free(), or NULL without memory. */
static char *greeting(const char *name)
{
    static const char format[] = "Hello %s, your table is booked for 7 pm. See you then?";
    size_t size = sizeof format + strlen(name);
    char *text = malloc(size);

    if (text != NULL)
        snprintf(text, size, format, name);
    return text;
}

/* Composes and sends the message, and returns what to exit with. */
static int send_greeting(const zx_client *client, const char *body, const char *recipient)
{
    const zx_button buttons[] = {
        {"confirm", "Confirm"},
        {"cancel", "Cancel"},
    };
    zx_reply_buttons message = {0};
    zx_status status;
    char *json, *reply;
    int exit_status;

    message.size = sizeof message;
    message.recipient = recipient;
    message.phone_id = "104857600000001";
    message.header_type = "text";
    message.header = "Your booking";
    message.body = body;
    message.footer = "Reply within the hour";
    message.buttons = buttons;
    message.button_count = sizeof buttons / sizeof buttons[0];

    status = zx_compose_reply_buttons(&message, &json);
    if (status == ZX_OK) {
        status = zx_send_reply_buttons(client, json, &reply);
        exit_status = print_reply(reply, status);
    } else {
        /* What came instead of the message is a report of all that is wrong with it. */
        fprintf(stderr, "%s\n", json);
        exit_status = EXIT_STATUS_BASE + (int)status;
    }
    zx_free(json);
    return exit_status;
}

int main(int argc, char **argv)
{
    int exit_status;
    zx_client *client;
    char *body;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        return printf("%s", usage) >= 0 && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_TROUBLE;
    }
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "%s", usage);
        return EXIT_USAGE;
    }
    body = greeting(argv[1]);
    if (body == NULL) {
        fprintf(stderr, "Out of memory.\n");
        return EXIT_TROUBLE;
    }
    client = client_from_environment(&exit_status);
    if (client != NULL)
        exit_status = send_greeting(client, body, argc == 3 ? argv[2] : "15550100001");
    zx_free(client);
    free(body);
    return exit_status;
}
