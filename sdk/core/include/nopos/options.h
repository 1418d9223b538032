#pragma once
/// Options, declared once, next to the member they set:
///
///     struct Options {
///       double base = 10000.0;
///       bool interleaved = true;
///       NOPOS_OPTIONS(o) {
///         o.add("rope-theta", &Options::base, "base of the geometric frequencies", nopos::Range{1.0, 1e9});
///         o.add("rope-interleaved", &Options::interleaved, "rotate pairs (2c, 2c+1); otherwise (c, c+d/2)");
///       }
///     };
///
/// The check of JSON values, the command-line flag, `--help`, `inspect`, the manifest and the record in the
/// checkpoint are all derived from this declaration. Names are the flags without the dashes. A member's
/// initial value is its default; a `std::optional` member is "not given" by default.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace nopos {

/// "Not given" (Python's None). Its copy constructor is user-provided, so that it is not trivial: libstdc++
/// 12 assumes that a variant of trivial types, strings and vectors is never valueless, and jumps to a wild
/// address if memory runs out in the middle of a copy.
struct NotGiven {
  NotGiven() noexcept {}
  NotGiven(const NotGiven&) noexcept {}
  NotGiven& operator=(const NotGiven&) noexcept { return *this; }
  friend bool operator==(const NotGiven&, const NotGiven&) = default;
};

/// One option's value.
using Value = std::variant<NotGiven, bool, std::int64_t, double, std::string, std::vector<std::int64_t>,
                           std::vector<double>>;

/// Values by option name.
using Settings = std::map<std::string, Value, std::less<>>;

enum class OptionType { boolean, integer, number, text, integers, numbers };

/// What setting an option does. `no_effect`: accepted and ignored, with one notice to the user. `refused`:
/// any value but the default is an error, because it would change the result and is not implemented.
enum class Effect { active, no_effect, refused };

struct OptionInfo {
  std::string name;
  OptionType type = OptionType::text;
  Value default_value;
  std::string help;
  bool optional = false;             ///< "not given" is a legal value
  std::optional<double> min, max;    ///< inclusive; for lists, of every element
  std::vector<std::string> choices;  ///< of a text option
  std::vector<std::string> aliases;  ///< further names of the flag
  bool positional = false;           ///< may be given without its flag
  Effect effect = Effect::active;
  std::string effect_reason;
};

// Constraints: any number of them may follow the help text in `add`.
struct Range {
  double min, max;
};
struct AtLeast {
  double min;
};
struct OneOf {
  std::vector<std::string> choices;
};
struct Alias {
  std::string name;
};
struct Positional {};
struct NoEffect {
  std::string reason;
};
struct Refused {
  std::string reason;
};

std::string_view to_string(OptionType type);
OptionType option_type(std::string_view name);

/// Checks `value` against the option's type, range, choices and effect; widens integers to numbers and a
/// single number to a list of one. `owner` names the plugin or group in the message ("lr_scheduler/cosine").
/// \throws Error (configuration) naming owner, option, value and range.
Value checked_value(const OptionInfo& option, Value value, std::string_view owner);

/// Parses and checks `text` as given on the command line (lists as "1,2", "[1, 2]" or "(1, 2)"; "None" if
/// optional). \throws Error (configuration)
Value parse_value(const OptionInfo& option, std::string_view text, std::string_view owner);

/// The value as the user would write it; the inverse of `parse_value`.
std::string to_text(const Value& value);

namespace detail {

inline void apply(OptionInfo& info, const Range& range) { info.min = range.min, info.max = range.max; }
inline void apply(OptionInfo& info, const AtLeast& bound) { info.min = bound.min; }
inline void apply(OptionInfo& info, const OneOf& one_of) { info.choices = one_of.choices; }
inline void apply(OptionInfo& info, const Alias& alias) { info.aliases.push_back(alias.name); }
inline void apply(OptionInfo& info, const Positional&) { info.positional = true; }
inline void apply(OptionInfo& info, const NoEffect& effect) {
  info.effect = Effect::no_effect, info.effect_reason = effect.reason;
}
inline void apply(OptionInfo& info, const Refused& effect) {
  info.effect = Effect::refused, info.effect_reason = effect.reason;
}

template <class T>
struct Member {  // how a member's C++ type is written as a Value
  using Stored =
      std::conditional_t<std::is_same_v<T, bool> || std::is_floating_point_v<T> || !std::is_integral_v<T>, T,
                         std::int64_t>;
  static constexpr bool optional = false;
  static Value to_value(const T& member) { return Value(static_cast<Stored>(member)); }
  static void assign(T& member, const Value& value) { member = static_cast<T>(std::get<Stored>(value)); }
};

template <class T>
struct Member<std::optional<T>> {
  using Stored = typename Member<T>::Stored;
  static constexpr bool optional = true;
  static Value to_value(const std::optional<T>& member) {
    return member ? Member<T>::to_value(*member) : Value();
  }
  static void assign(std::optional<T>& member, const Value& value) {
    if (std::holds_alternative<NotGiven>(value)) {
      member.reset();
    } else {
      Member<T>::assign(member.emplace(), value);
    }
  }
};

template <class T>
constexpr OptionType type_of() {
  using Stored = typename Member<T>::Stored;
  if constexpr (std::is_same_v<Stored, bool>)
    return OptionType::boolean;
  else if constexpr (std::is_same_v<Stored, std::int64_t>)
    return OptionType::integer;
  else if constexpr (std::is_same_v<Stored, double>)
    return OptionType::number;
  else if constexpr (std::is_same_v<Stored, std::string>)
    return OptionType::text;
  else if constexpr (std::is_same_v<Stored, std::vector<std::int64_t>>)
    return OptionType::integers;
  else {
    static_assert(std::is_same_v<Stored, std::vector<double>>,
                  "an option is a bool, integer, double, string or list");
    return OptionType::numbers;
  }
}

/// \throws Error (configuration) for a key of `settings` that is not in `infos`, with the closest name.
void refuse_unknown(const Settings& settings, const std::vector<OptionInfo>& infos, std::string_view owner);

}  // namespace detail

/// Passed to `NOPOS_OPTIONS`: visits each declaration, to describe it and, if settings are given, to read its
/// value.
template <class T>
class OptionVisitor {
 public:
  OptionVisitor(T& object, const Settings* settings, std::string_view owner)
      : object_(object), settings_(settings), owner_(owner) {}

  template <class M, class Base, class... Constraints>
  void add(std::string name, M Base::*member, std::string help, const Constraints&... constraints) {
    OptionInfo info;
    info.name = std::move(name);
    info.type = detail::type_of<M>();
    info.default_value = detail::Member<M>::to_value(object_.*member);
    info.help = std::move(help);
    info.optional = detail::Member<M>::optional;
    (detail::apply(info, constraints), ...);
    if (settings_ != nullptr) {
      if (auto found = settings_->find(info.name); found != settings_->end()) {
        detail::Member<M>::assign(object_.*member, checked_value(info, found->second, owner_));
      }
    }
    infos.push_back(std::move(info));
  }

  std::vector<OptionInfo> infos;

 private:
  T& object_;
  const Settings* settings_;
  std::string_view owner_;
};

/// Begins the function in which a struct declares its options.
#define NOPOS_OPTIONS(o)               \
  template <class NoposOptionVisitor_> \
  static void nopos_options(NoposOptionVisitor_& o)

/// The options of `T`, in the order of declaration.
template <class T>
std::vector<OptionInfo> describe_options() {
  T object;
  OptionVisitor<T> visitor(object, nullptr, "");
  T::nopos_options(visitor);
  return std::move(visitor.infos);
}

/// A `T` with `settings` over its defaults.
/// \throws Error (configuration) for an unknown key, a wrong type or a value out of range.
template <class T>
T read_options(const Settings& settings, std::string_view owner) {
  T object;
  OptionVisitor<T> visitor(object, &settings, owner);
  T::nopos_options(visitor);
  detail::refuse_unknown(settings, visitor.infos, owner);
  return object;
}

}  // namespace nopos
