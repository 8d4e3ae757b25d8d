#include "scenarios/events/words.h"

#include <criterion/criterion.h>
#include <signal.h>

#include "emulator/model/events.h"
#include "emulator/model/gnss.h"
#include "emulator/model/profile.h"
#include "emulator/model/sim.h"

Test(words, a_registration_and_its_word_lead_to_each_other) {
    static const enum reg_stat stats[] = {REG_OFF, REG_HOME, REG_SEARCHING, REG_DENIED,
                                          REG_ROAMING};
    size_t n = 0;
    for (; words_registration[n] != NULL; n++) {
        cr_assert_eq(words_to_registration(words_registration[n]), stats[n]);
        cr_assert_str_eq(words_of_registration(stats[n]), words_registration[n]);
    }
    cr_assert_eq(n, sizeof stats / sizeof stats[0]);
    cr_assert_str_eq(words_of_registration(REG_ROAMING), "roaming");
}

Test(words, stand_at_the_number_that_they_name) {
    cr_assert_eq(words_index(words_sim, "absent"), SIM_ABSENT);
    cr_assert_eq(words_index(words_power, "hung"), POWER_HUNG);
    cr_assert_eq(words_index(words_technology, "gsm"), PROFILE_GSM);
    cr_assert_eq(words_index(words_technology, "cdma"), PROFILE_CDMA);
    cr_assert_null(words_technology[PROFILE_CDMA + 1]);
    cr_assert_eq(words_index(words_gnss, "fixed"), GNSS_FIXED);
    cr_assert_eq(words_index(words_systems, "beidou"), GNSS_BEIDOU);
    cr_assert_null(words_systems[GNSS_SYSTEMS]);
}

Test(words, one_that_is_none_is_caught, .signal = SIGABRT) {
    words_index(words_sim, "pulled");
}
