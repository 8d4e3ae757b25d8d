/* Sounds in time, and what goes away under them. */
#include <criterion/criterion.h>

#include "emulator/model/audio.h"
#include "emulator/model/files.h"
#include "tests/support/unit_suite.h"

#define STOPPED LINE("+RECSTATE: crec stop")

TestSuite(audio, .init = start, .fini = stop);

static size_t size_of(const char *name) {
    struct files_path path;
    struct files_info info = {0};
    cr_assert_eq(files_path(rig.modem->files, sv_of(name), &path), 0);
    return files_stat(rig.modem->files, &path, &info) == 0 ? info.size : 0;
}

Test(audio, a_recording_grows_and_is_whole_when_it_ends) {
    ask("AT+CREC=1,\"E:/a.wav\"", LINE("+CREC: 1") OK);
    cr_assert_eq(size_of("E:/a.wav"), 44);
    pass_ms(1999);
    cr_assert_eq(size_of("E:/a.wav"), 44 + 16000);
    ask("AT+CREC=0", LINE("+CREC: 0") OK STOPPED);
    cr_assert_eq(size_of("E:/a.wav"), 44 + 1999 * 16);
    ask("AT+CCMXPLAYWAV=\"E:/a.wav\",2", LINE("+WAVSTATE: wav play") OK);
    pass_ms(1998);
    expect("");
    pass_ms(1);
    expect(LINE("+WAVSTATE: wav play stop"));
    ask("AT+CRECAMR=1,\"E:/a.wav\"", LINE("+CRECAMR: 1") OK);
    pass_ms(100);
    ask("AT+CRECAMR=0", LINE("+CRECAMR: 0") OK LINE("+RECSTATE: crecamr stop"));
    cr_assert_eq(size_of("E:/a.wav"), 6 + 5 * 32);
}

Test(audio, a_recording_ends_when_its_drive_is_full_or_its_file_gone) {
    ask("AT+CREC=1,\"E:/a.wav\"", LINE("+CREC: 1") OK);
    pass_ms(524000); /* 8 MB */
    expect("");
    pass_ms(1000);
    expect(STOPPED);
    ask("AT+FSCD=E:", LINE("+FSCD: E:/") OK);
    ask("AT+CREC=1,\"E:/a.wav\"", LINE("+CREC: 1") OK);
    pass_ms(3000);
    ask("AT+FSDEL=a.wav", OK);
    expect("");
    unit_rig_type(&rig, "AT+CFTRANRX=\"E:/a.wav\",1\r");
    unit_rig_type(&rig, "x");
    cr_assert_eq(size_of("E:/a.wav"), 1);
    unit_rig_read(&rig);
    pass_ms(1000);
    expect(STOPPED);
    cr_assert_eq(size_of("E:/a.wav"), 1);
}

Test(audio, a_call_has_a_far_side) {
    modem_set_voice_call(rig.modem, true);
    ask("AT+CREC=3,\"E:/a.wav\"", LINE("+CREC: 1") OK);
    pass_ms(2000);
    modem_set_voice_call(rig.modem, false);
    expect(STOPPED);
    modem_set_voice_call(rig.modem, true);
    ask("AT+CCMXPLAY=\"E:/a.wav\",1", LINE("+CCMXPLAY:") OK LINE("+AUDIOSTATE: audio play"));
    pass_ms(500);
    modem_set_voice_call(rig.modem, false);
    expect(LINE("+AUDIOSTATE: audio play stop"));
    ask("AT+CCMXPLAYWAV=\"E:/a.wav\",2", LINE("+WAVSTATE: wav play") OK);
    modem_set_voice_call(rig.modem, true);
    modem_set_voice_call(rig.modem, false);
    expect(""); /* a local one goes on */
}

Test(audio, power_takes_it_away_without_a_word) {
    ask("AT+CREC=1,\"E:/a.wav\"", LINE("+CREC: 1") OK);
    pass_ms(1500);
    modem_restart(rig.modem, CLK_S(1), false);
    pass_ms(3000);
    unit_rig_read(&rig);
    unit_rig_type(&rig, "ATE0\r");
    unit_rig_read(&rig);
    ask("AT+CREC?", LINE("+CREC: 0") OK);
    cr_assert_eq(size_of("E:/a.wav"), 44 + 16000);
    pass_ms(2000);
    expect("");
    cr_assert_eq(size_of("E:/a.wav"), 44 + 16000);
}

Test(audio, speed_is_heard_and_what_is_said_is_saved) {
    ask("AT+CTTS=2,\"0123456789\"", OK);
    pass_ms(699);
    expect("");
    pass_ms(1);
    expect(LINE("+CTTS: 0"));
    ask("AT+CTTSPARAM=2,3,0,1,2", OK);
    ask("AT+CTTS=4,\"00416B22\",\"E:/t.wav\"", OK);
    pass_ms((70 + 220) * 2 / 3);
    expect(LINE("+CTTS: 0"));
    cr_assert_eq(size_of("E:/t.wav"), 44 + 193 * 16);
}
