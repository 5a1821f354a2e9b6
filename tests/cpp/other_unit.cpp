// Includes zixflow.hpp into a second unit of the program in wrapper.cpp.

#include <zixflow.hpp>

zixflow::reply_buttons message_of_the_other_unit() {
  zixflow::reply_buttons message;
  message.phone_id = "1234567890";
  message.body = "Shall we?";
  message.buttons = {{"yes", "Yes"}, {"no", "No"}};
  return message;
}

// Uses every function that is not a template, so that the linker would see two of one.
std::string self_portrait() {
  zixflow::result<zixflow::client> made = zixflow::client::make("key", "workspace");
  return zixflow::check(zixflow::compose(message_of_the_other_unit()).value()).json + zixflow::library_version() +
         zixflow::status_name(zixflow::status::ok) + std::string(zixflow::schema());
}
