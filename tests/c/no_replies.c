/* Preloaded, it makes the library hand out no text, as where there is no memory for one. */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <stddef.h>

#include <zixflow.h>

/* The next definition of a function after this file's: the library's own. POSIX asks for this
 * way of storing a function's address. */
#define FIND_NEXT(pointer, name) (*(void **)&(pointer) = dlsym(RTLD_NEXT, name))

static void forget(char **text)
{
    if (text != NULL) {
        zx_free(*text);
        *text = NULL;
    }
}

zx_client *zx_client_new(const char *api_key, const char *workspace_id, const char *options_json,
                         char **error_json)
{
    zx_client *(*next)(const char *, const char *, const char *, char **);
    zx_client *client;

    FIND_NEXT(next, "zx_client_new");
    client = next(api_key, workspace_id, options_json, error_json);
    forget(error_json);
    return client;
}

zx_status zx_send_reply_buttons_with(const zx_client *client, const char *message_json,
                                     const char *options_json, const zx_cancel *cancel,
                                     char **reply_json)
{
    zx_status (*next)(const zx_client *, const char *, const char *, const zx_cancel *, char **);
    zx_status status;

    FIND_NEXT(next, "zx_send_reply_buttons_with");
    status = next(client, message_json, options_json, cancel, reply_json);
    forget(reply_json);
    return status;
}

zx_status zx_check_reply_buttons(const char *message_json, char **report_json)
{
    zx_status (*next)(const char *, char **);
    zx_status status;

    FIND_NEXT(next, "zx_check_reply_buttons");
    status = next(message_json, report_json);
    forget(report_json);
    return status;
}

zx_status zx_compose_reply_buttons(const zx_reply_buttons *message, char **message_json)
{
    zx_status (*next)(const zx_reply_buttons *, char **);
    zx_status status;

    FIND_NEXT(next, "zx_compose_reply_buttons");
    status = next(message, message_json);
    forget(message_json);
    return status;
}

char *zx_json_get(const char *json, const char *pointer)
{
    (void)json;
    (void)pointer;
    return NULL;
}

const char *zx_reply_buttons_schema(void)
{
    return NULL;
}

const char *zx_client_options_schema(void)
{
    return NULL;
}
